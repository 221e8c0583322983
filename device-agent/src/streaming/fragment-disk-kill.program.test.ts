import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { createLogger } from '../host/logger.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { FragmentDisk } from './fragment-disk.ts';
import { fragmentAt } from './testing/fragments.ts';

const out = join(import.meta.dirname, '../../dist/test-fragment-kill');
const kills = 20;
jest.setTimeout(60_000);

beforeAll(async () => {
  const build = join(import.meta.dirname, '../../build.ts');
  await promisify(execFile)(process.execPath, [
    build,
    out,
    join(import.meta.dirname, 'testing/fragment-writer.ts'),
  ]);
});

afterAll(() => rm(out, { recursive: true, force: true }));

/** Lets a writer run for so many lines, then kills it; answers what it said. */
async function writeUntilKilled(directory: string, first: number, lines: number): Promise<string[]> {
  const writer = spawn(process.execPath, [join(out, 'fragment-writer.cjs'), directory, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(writer, 'close');
  const said: string[] = [];
  for await (const line of createInterface({ input: writer.stdout })) {
    said.push(line);
    if (said.length === lines) writer.kill('SIGKILL');
  }
  await ended;
  return said;
}

it('has every fragment that it called stored, whole, however often it is killed', async () => {
  const directory = join(await temporaryDirectory(), 'video');
  const expected = new Set<number>();
  for (let kill = 0; kill < kills; kill++) {
    const lines = 1 + Math.floor(Math.random() ** 2 * 60);
    for (const line of await writeUntilKilled(directory, 1 + kill * 100_000, lines)) {
      const [word, second] = line.split(' ');
      if (word === 'stored') expected.add(Number(second));
      else expected.delete(Number(second));
    }
  }
  const disk = new FragmentDisk({
    directory,
    maxBytes: 1e9,
    freeBytes: () => undefined,
    logger: createLogger({ level: 'silent' }),
  });
  const found = await disk.open();
  const seconds = found.map(({ timecodeMs }) => timecodeMs / 1_000);
  expect([...expected].filter((second) => !seconds.includes(second))).toEqual([]);
  expect(seconds).toEqual(seconds.toSorted((a, b) => a - b));
  for (const fragment of found) {
    const { chunks } = fragmentAt(fragment.timecodeMs / 1_000, { bytes: fragment.bytes });
    expect((await disk.read(fragment))?.equals(Buffer.concat([...chunks]))).toBe(true);
  }
  expect(expected.size).toBeGreaterThan(kills);
});
