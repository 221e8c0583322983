import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Fragment, FragmentMedia } from './fragment.ts';
import { FragmentLog } from './fragment-log.ts';
import { StreamMedia } from './stream-media.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fragment-log-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const fragment = (ordinal: number, serverMs = 1_000 + ordinal): Fragment => ({
  number: String(ordinal).padStart(47, '9'),
  ordinal,
  producerMs: ordinal * 1000,
  serverMs,
  lengthMs: 1000,
  sizeBytes: 250,
  frames: 15,
  tracksId: 'x',
});
const media = (ordinal: number): FragmentMedia => ({
  header: Buffer.from(`header ${ordinal}`),
  cluster: Buffer.from(`cluster ${ordinal} with some bytes`),
});

async function written(count: number): Promise<Buffer> {
  const log = new FragmentLog(directory);
  log.load();
  for (let i = 0; i < count; i += 1) await log.append(fragment(i), media(i));
  return readFileSync(join(directory, '0000000001.kvf'));
}

it('gives back what was appended, also to a later process', async () => {
  await written(3);
  const log = new FragmentLog(directory);
  const loaded = log.load();
  expect(loaded).toMatchObject([0, 1, 2].map((i) => fragment(i)));
  for (const [i, one] of loaded.entries()) expect(await log.read(one)).toEqual(media(i));
});

it('keeps whole fragments only, wherever a killed process stopped writing, and goes on behind them', async () => {
  const file = join(directory, '0000000001.kvf');
  const log = new FragmentLog(directory);
  log.load();
  // Records are not of one length: each tells its place in digits.
  const ends: number[] = [];
  for (const i of [0, 1, 2]) {
    await log.append(fragment(i), media(i));
    ends.push(statSync(file).size);
  }
  const bytes = readFileSync(file);
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: bytes.length }), async (length) => {
      writeFileSync(file, bytes.subarray(0, length));
      const cut = new FragmentLog(directory);
      const whole = ends.filter((end) => end <= length).length;
      expect(cut.load()).toHaveLength(whole);
      const added = await cut.append(fragment(whole), media(whole));
      expect(await cut.read(added)).toEqual(media(whole));
      expect(new FragmentLog(directory).load()).toHaveLength(whole + 1);
    }),
    { numRuns: 40, examples: [[215], [216], [430], [431]] },
  );
});

it('drops a last record whose bytes never reached the disk', async () => {
  const bytes = await written(2);
  bytes.fill(0, bytes.length - 10);
  writeFileSync(join(directory, '0000000001.kvf'), bytes);
  expect(new FragmentLog(directory).load()).toHaveLength(1);
});

it('survives a file of garbage', async () => {
  await written(1);
  appendFileSync(join(directory, '0000000001.kvf'), Buffer.alloc(5000, 7));
  expect(new FragmentLog(directory).load()).toHaveLength(1);
});

it('forgets what the retention no longer covers, and its files', async () => {
  const hour = 3_600_000;
  const stream = new StreamMedia(directory, 1_000_000);
  for (let i = 0; i < 3; i += 1) await stream.append(fragment(i, i * hour), media(i), true);
  expect(readdirSync(directory)).toHaveLength(3);
  stream.expire(2.5 * hour, 1);
  expect(stream.fragments.map(({ ordinal }) => ordinal)).toEqual([2]);
  expect(readdirSync(directory)).toEqual(['0000000003.kvf']);
  expect(await stream.read(fragment(0).number)).toBeUndefined();
});

it('keeps within the disk limit of a stream', async () => {
  const stream = new StreamMedia(directory, 400);
  for (let i = 0; i < 3; i += 1) await stream.append(fragment(i, i * 3_600_000), media(i), true);
  stream.expire(0, 24);
  expect(stream.bytes).toBeLessThanOrEqual(400);
  expect(stream.newest?.ordinal).toBe(2);
});

it('keeps five minutes in the host buffer without retention', async () => {
  const stream = new StreamMedia(directory, 1_000_000);
  for (let i = 0; i < 3; i += 1) await stream.append(fragment(i, i * 200_000), media(i), false);
  stream.expire(501_000, 0);
  expect(stream.fragments.map(({ ordinal }) => ordinal)).toEqual([2]);
  expect(await stream.read(fragment(2).number)).toEqual(media(2));
});

it('finds fragments by either time', async () => {
  const stream = new StreamMedia(directory, 1_000_000);
  for (const i of [2, 0, 1]) await stream.append(fragment(i), media(i), false);
  expect(stream.within('PRODUCER_TIMESTAMP', 1000, 2000).map(({ producerMs }) => producerMs)).toEqual([
    1000, 2000,
  ]);
  expect(stream.within('SERVER_TIMESTAMP', 1000, 1001).map(({ serverMs }) => serverMs)).toEqual([1000, 1001]);
});

it('gives numbers that grow, though the clock goes back', () => {
  const stream = new StreamMedia(directory, 1_000_000);
  const numbers = [2000, 2000, 1000, 3000].map((ms) => stream.takeNumber(ms));
  expect(numbers).toEqual([...numbers].sort());
  expect(new Set(numbers).size).toBe(4);
  for (const number of numbers) expect(number).toMatch(/^9134385233318[0-9]{34}$/);
});
