import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { clipPath } from '../streaming/testing/pictures.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import type { AccessUnit } from './access-unit.ts';
import { ClipSource } from './clip-source.ts';

const directory = mkdtempSync(join(tmpdir(), 'clip-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Lets time pass, picture by picture, until so many have come. */
async function play(clock: FakeClock, pictures: AccessUnit[], count: number): Promise<void> {
  while (pictures.length < count) await clock.advance(clock.pending[0] ?? 0);
}

it('plays in real time and goes on at the end of the file', async () => {
  const clock = new FakeClock(1_700_000_000_000);
  const controller = new AbortController();
  const pictures: AccessUnit[] = [];
  const source = new ClipSource({ name: 'clip', path: clipPath, clock });
  const done = source.capture(controller.signal, (picture) => {
    pictures.push(picture);
    expect(Math.abs(picture.timestampMs - clock.now())).toBeLessThan(2);
  });
  await play(clock, pictures, 150);
  controller.abort();
  await done;
  expect(pictures[120]?.keyframe).toBe(true);
  const timestamps = pictures.map(({ timestampMs }) => timestampMs - 1_700_000_000_000);
  expect(timestamps.slice(0, 3)).toEqual([0, 67, 133]);
  expect(timestamps.slice(119, 122)).toEqual([7_933, 8_000, 8_067]);
});

it('begins time anew after the clock was set, instead of catching up', async () => {
  const clock = new FakeClock(1_000_000);
  const controller = new AbortController();
  const pictures: AccessUnit[] = [];
  const done = new ClipSource({ name: 'clip', path: clipPath, clock }).capture(controller.signal, (picture) =>
    pictures.push(picture),
  );
  await play(clock, pictures, 3);
  clock.setWallClock(9_000_000_000);
  await play(clock, pictures, 5);
  controller.abort();
  await done;
  expect(pictures[3]?.timestampMs).toBeGreaterThanOrEqual(9_000_000_000);
  const interval = (pictures[4]?.timestampMs ?? 0) - (pictures[3]?.timestampMs ?? 0);
  expect([66, 67]).toContain(interval);
});

it('jumps to the next keyframe when asked', async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const pictures: AccessUnit[] = [];
  const source = new ClipSource({ name: 'clip', path: clipPath, clock });
  const done = source.capture(controller.signal, (picture) => pictures.push(picture));
  await play(clock, pictures, 4);
  source.requestKeyframe();
  await play(clock, pictures, 7);
  controller.abort();
  await done;
  expect(pictures.slice(0, 7).filter(({ keyframe }) => keyframe)).toHaveLength(2);
});

it('says what is wrong with a file', async () => {
  const { signal } = new AbortController();
  const clock = new FakeClock();
  const play = (path: string): Promise<void> =>
    new ClipSource({ name: 'clip', path, clock }).capture(signal, () => undefined);
  await expect(play(join(directory, 'missing.h264'))).rejects.toThrow(
    'is not there; check the camera source.',
  );
  const text = join(directory, 'text.h264');
  writeFileSync(text, 'no video at all');
  await expect(play(text)).rejects.toThrow('holds no H.264 picture in Annex B');
});
