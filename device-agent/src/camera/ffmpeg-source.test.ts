import { expect, it } from '@jest/globals';
import { systemClock as clock } from '../host/clock.ts';
import { clipPath } from '../streaming/testing/pictures.ts';
import type { AccessUnit } from './access-unit.ts';
import { FfmpegSource } from './ffmpeg-source.ts';

/** Node in the place of ffmpeg: a child process that writes what the test says. */
function sourceOf(script: string, ffmpeg = process.execPath): FfmpegSource {
  return new FfmpegSource({ name: 'file:/x.mp4', ffmpeg, arguments: ['-e', script], clock });
}

const { signal: never } = new AbortController();

it('delivers the pictures of the child, and ends when it ends', async () => {
  const pictures: AccessUnit[] = [];
  const script = `require('fs').createReadStream(${JSON.stringify(clipPath)}).pipe(process.stdout)`;
  const before = Date.now();
  await sourceOf(script).capture(never, (picture) => pictures.push(picture));
  expect(pictures).toHaveLength(120);
  expect(pictures.every(({ timestampMs }) => timestampMs >= before && timestampMs <= Date.now())).toBe(true);
});

it('ends the child when it is told to, even one that does not listen', async () => {
  const controller = new AbortController();
  const script = `process.on('SIGTERM', () => {}); process.stdout.write(require('fs').readFileSync(${JSON.stringify(clipPath)})); setInterval(() => {}, 1000)`;
  let pictures = 0;
  await sourceOf(script).capture(controller.signal, () => {
    pictures++;
    if (pictures === 100) controller.abort();
  });
  expect(pictures).toBeGreaterThanOrEqual(100);
});

it('explains a missing program', async () => {
  await expect(sourceOf('', '/nowhere/ffmpeg').capture(never, () => undefined)).rejects.toThrow(
    'The program /nowhere/ffmpeg was not found. Install ffmpeg (apt install ffmpeg), or use the camera source "clip", which needs no program.',
  );
});

it('passes on why the child failed, without passwords', async () => {
  const script = `console.error('rtsp://joe:secret@cam/live: 401 Unauthorized\\nsecond line'); process.exit(8)`;
  await expect(sourceOf(script).capture(never, () => undefined)).rejects.toThrow(
    'ffmpeg ended with code 8 on the camera source file:/x.mp4: rtsp://cam/live: 401 Unauthorized | second line',
  );
});
