import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from '@jest/globals';
import { createLogger } from '../host/logger.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { FragmentBuffer } from './fragment-buffer.ts';
import { FragmentDisk } from './fragment-disk.ts';
import { fragmentFileBytes } from './fragment-file.ts';
import { FragmentSpool } from './fragment-spool.ts';
import { fragmentAt } from './testing/fragments.ts';

const fileBytes = fragmentFileBytes(fragmentAt(1));
let directory: string;
let clock: FakeClock;
beforeEach(async () => {
  directory = join(await temporaryDirectory(), 'video');
  clock = new FakeClock();
});

/** One run of the agent on the directory. */
function run({ maxBytes = 1e6, maxBytesInMemory = 1e6, free = 1e12, at = directory } = {}) {
  const space = { free };
  const logger = createLogger({ level: 'silent' });
  const disk = new FragmentDisk({ directory: at, maxBytes, freeBytes: () => space.free, logger });
  let loaded = (): void => {};
  const buffer = new FragmentBuffer({
    maxBytes: maxBytesInMemory,
    maxDurationMs: 1e6,
    backing: disk,
    onLoaded: () => loaded(),
  });
  const spool = new FragmentSpool({ buffer, disk, clock });
  return {
    disk,
    buffer,
    spool,
    space,
    load: (index: number) =>
      new Promise<void>((resolve) => {
        loaded = resolve;
        const fragment = buffer.fragments[index];
        if (fragment !== undefined) buffer.load(fragment);
      }),
    /** A second passes, and what it puts on the disk is there. */
    secondsPass: async (seconds: number, connected = false) => {
      for (let i = 0; i < seconds; i++) {
        await clock.advance(1_000);
        spool.housekeep(connected);
        await spool.settled();
      }
    },
    seconds: () => buffer.fragments.map(({ timecodeMs }) => timecodeMs / 1_000),
  };
}

const files = async (): Promise<string[]> => (await readdir(directory).catch((): string[] => [])).sort();

it('puts on the disk what waits for 5 s, and removes what is persisted', async () => {
  const { buffer, spool, disk, secondsPass } = run();
  await spool.open();
  const [first, held] = [fragmentAt(1), fragmentAt(2, { state: 'held' })];
  for (const fragment of [first, held]) buffer.add(fragment);
  await secondsPass(5);
  expect(await files()).toEqual([]);
  await secondsPass(2);
  expect(await files()).toEqual(['000000000001.fragment']);
  expect(disk.bytes).toBe(fileBytes);
  buffer.remove(first);
  await disk.settled();
  expect([await files(), disk.bytes]).toEqual([[], 0]);
});

it('sends after a restart what was not persisted, in order, and asks about it before', async () => {
  const before = run();
  await before.spool.open();
  const other = { header: Buffer.from('<other>') };
  const fragments = [fragmentAt(7), fragmentAt(8, { state: 'sent' }), fragmentAt(3, { segment: other })];
  for (const fragment of fragments) before.buffer.add(fragment);
  await before.spool.close();

  const after = run();
  after.buffer.add(fragmentAt(20));
  await after.spool.open();
  expect(after.seconds()).toEqual([20]);
  after.spool.sendKept();
  expect(after.seconds()).toEqual([7, 8, 3, 20]);
  const [seventh, eighth, third] = after.buffer.fragments;
  expect(after.buffer.fragments.map(({ doubtful }) => doubtful)).toEqual([true, true, true, false]);
  expect(seventh?.segment).toBe(eighth?.segment);
  expect(third?.segment.header.toString()).toBe('<other>');
  expect(after.buffer.nextWaiting()).toBe(seventh);
  await after.load(0);
  expect(Buffer.concat([...(seventh?.chunks ?? [])])).toEqual(
    Buffer.concat([...(fragments[0]?.chunks ?? [])]),
  );
});

it('holds no more in memory than it may, and gives up nothing for that', async () => {
  const { buffer, spool, secondsPass } = run({ maxBytesInMemory: 250 });
  await spool.open();
  for (let second = 1; second <= 5; second++) {
    buffer.add(fragmentAt(second));
    await secondsPass(7);
    buffer.trim();
  }
  expect(buffer.fragments.map(({ resident }) => resident)).toEqual([true, true, false, false, false]);
  expect([buffer.bytesInMemory, buffer.bytes, buffer.dropped]).toEqual([200, 500, 0]);
});

it('gives up the oldest when the ring is full', async () => {
  const { buffer, spool, disk, secondsPass, seconds } = run({ maxBytes: 3 * fileBytes });
  await spool.open();
  for (let second = 1; second <= 5; second++) buffer.add(fragmentAt(second));
  await secondsPass(7);
  expect([seconds(), buffer.dropped, disk.bytes]).toEqual([[3, 4, 5], 2, 3 * fileBytes]);
  expect(await files()).toHaveLength(3);
});

it('leaves the rest of the disk to others, says so, and goes on when there is room again', async () => {
  const { buffer, spool, disk, space, secondsPass } = run({ free: 1_000 });
  await spool.open();
  buffer.add(fragmentAt(1));
  await secondsPass(7);
  expect(disk.failure).toMatch(/64 MiB/);
  expect([buffer.fragments.length, await files()]).toEqual([1, []]);
  space.free = 1e9;
  await secondsPass(31);
  expect([disk.failure, await files()]).toEqual([undefined, ['000000000001.fragment']]);
});

it('works on in memory when the disk takes nothing', async () => {
  await writeFile(directory, 'in the way');
  const { buffer, spool, disk, secondsPass } = run();
  await spool.open();
  buffer.add(fragmentAt(1));
  await secondsPass(7);
  expect(disk.failure).toMatch(/EEXIST|ENOTDIR/);
  expect(buffer.fragments.map(({ resident }) => resident)).toEqual([true]);
});

it('gives up a damaged fragment alone, and removes what is half written', async () => {
  const before = run();
  await before.spool.open();
  for (const second of [1, 2]) before.buffer.add(fragmentAt(second));
  await before.spool.close();
  const path = join(directory, '000000000001.fragment');
  const content = await readFile(path);
  content[content.length - 1] = 0xff;
  await writeFile(path, content);
  await writeFile(join(directory, '000000000003.fragment.new'), content.subarray(0, 50));
  await writeFile(join(directory, '000000000004.fragment'), content.subarray(0, 50));

  const after = run();
  await after.spool.open();
  after.spool.sendKept();
  expect(await files()).toEqual(['000000000001.fragment', '000000000002.fragment']);
  await after.load(0);
  expect([after.seconds(), after.buffer.dropped]).toEqual([[2], 1]);
});

it('gives up what is older than a day, but only once the clock is known to be right', async () => {
  const before = run();
  await before.spool.open();
  const now = clock.now() / 1_000;
  for (const age of [25, 23]) before.buffer.add(fragmentAt(now - age * 3_600));
  await before.spool.close();
  const after = run();
  await after.spool.open();
  after.spool.sendKept();
  await after.secondsPass(1);
  expect(after.buffer.fragments).toHaveLength(2);
  await after.secondsPass(1, true);
  expect([after.seconds(), after.buffer.dropped]).toEqual([[now - 23 * 3_600], 1]);
});

it('leaves nothing of a former owner, whenever that becomes known', async () => {
  const first = run();
  await first.spool.open();
  first.buffer.add(fragmentAt(1));
  await first.spool.close();

  const second = run();
  await second.spool.open();
  second.buffer.add(fragmentAt(2));
  await second.spool.wipe();
  second.spool.sendKept();
  expect([second.seconds(), second.disk.bytes]).toEqual([[], 0]);
  second.buffer.add(fragmentAt(3));
  await second.spool.close();
  expect(await files()).toHaveLength(1);

  const third = run();
  await Promise.all([third.spool.wipe(), third.spool.open()]);
  third.spool.sendKept();
  expect([third.seconds(), await files()]).toEqual([[], []]);
});
