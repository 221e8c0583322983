import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { bundleQueueWriter, KilledQueue } from './testing/queue-writer-process.ts';

const run = promisify(execFile);
const out = join(import.meta.dirname, '../../dist/test-queue-full');
let program: string;

beforeAll(async () => {
  program = await bundleQueueWriter(out);
});

afterAll(() => rm(out, { recursive: true, force: true }));

/** The kernel refuses every write to a file beyond the limit (setrlimit(2)), to any user and without a mount. */
async function limitFileSize(pid: number | undefined, limit: string): Promise<void> {
  await run('prlimit', ['--pid', `${pid}`, `--fsize=${limit}:unlimited`]);
}

it('goes on from memory while the kernel refuses its writes, and loses nothing it called stored', async () => {
  const queue = new KilledQueue(program, await temporaryDirectory());
  const seen: string[] = [];
  let storedAfterwards = 0;
  await queue.runUntil(async (line, writer) => {
    if (line === 'stored 1000100') await limitFileSize(writer.pid, '0');
    if (line === 'full') await limitFileSize(writer.pid, 'unlimited');
    if (line === 'full' || line === 'again') seen.push(line);
    if (seen.at(-1) === 'again' && line.startsWith('stored')) storedAfterwards += 1;
    return storedAfterwards === 200;
  });
  expect(seen).toEqual(['full', 'again']);
  const left = await queue.left();
  expect(
    [...queue.stored].filter((number) => !queue.delivered.has(number) && !left.includes(number)),
  ).toEqual([]);
  expect(left).toEqual([...left].sort((a, b) => a - b));
});
