import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { bundleQueueWriter, KilledQueue } from './testing/queue-writer-process.ts';

const out = join(import.meta.dirname, '../../dist/test-queue-kill');
const lanes = 4;
const killsPerLane = 25;
let program: string;

/** A hundred starts of Node.js on a busy machine. */
jest.setTimeout(120_000);

beforeAll(async () => {
  program = await bundleQueueWriter(out);
});

afterAll(() => rm(out, { recursive: true, force: true }));

/** Kills at every stage: while the queue is read again, right after its first messages, after files came and went. */
async function killAgainAndAgain(queue: KilledQueue): Promise<void> {
  for (let kill = 0; kill < killsPerLane; kill++) {
    let lines = Math.floor(Math.random() ** 2 * 500);
    await queue.runUntil(() => lines-- === 0);
  }
}

it('loses nothing it called stored in a hundred kills', async () => {
  const queues = await Promise.all(
    Array.from({ length: lanes }, async () => new KilledQueue(program, await temporaryDirectory())),
  );
  await Promise.all(queues.map(killAgainAndAgain));
  for (const queue of queues) {
    const left = await queue.left();
    const missing = [...queue.stored].filter(
      (number) => !queue.delivered.has(number) && !left.includes(number),
    );
    expect(missing).toEqual([]);
    expect(queue.dropped).toBe(0);
    expect(left).toEqual([...left].sort((a, b) => a - b));
    expect(queue.stored.size).toBeGreaterThan(100);
  }
});
