import { expect, it } from '@jest/globals';
import { systemClock as clock } from '../host/clock.ts';
import { adtsFrame } from '../streaming/testing/adts.ts';
import { clipPath } from '../streaming/testing/pictures.ts';
import type { AccessUnit } from './access-unit.ts';
import type { AudioFrame } from './audio-frame.ts';
import { ProgramSource } from './program-source.ts';

/** Node in the place of ffmpeg: a child process that writes what the test says. */
function sourceOf(script: string, program = process.execPath): ProgramSource {
  const common = { name: 'file:/x.mp4', install: 'Install it.', advice: 'Look at it.', sound: true, clock };
  return new ProgramSource({ ...common, program, arguments: ['-e', script] });
}

const adtsSilence = adtsFrame().toString('hex').repeat(2);

const { signal: never } = new AbortController();

it('delivers the pictures of the child, and ends when it ends', async () => {
  const pictures: AccessUnit[] = [];
  const script = `require('fs').createReadStream(${JSON.stringify(clipPath)}).pipe(process.stdout)`;
  const before = Date.now();
  await sourceOf(script).capture(never, (picture) => pictures.push(picture));
  expect(pictures).toHaveLength(120);
  expect(pictures.every(({ timestampMs }) => timestampMs >= before && timestampMs <= Date.now())).toBe(true);
});

it('delivers the sound that comes beside the pictures', async () => {
  const frames: AudioFrame[] = [];
  const script = `require('fs').createWriteStream('', { fd: 3 }).end(Buffer.from(${JSON.stringify(adtsSilence)}, 'hex'))`;
  await sourceOf(script).capture(
    never,
    () => undefined,
    (frame) => frames.push(frame),
  );
  expect(frames.map(({ data, format }) => [data.toString('hex'), format.samplingHz])).toEqual([
    ['00c800802380', 16_000],
    ['00c800802380', 16_000],
  ]);
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
    'The program /nowhere/ffmpeg was not found. Install it.',
  );
});

it('passes on why the child failed, without passwords, and says what to do', async () => {
  const script = `console.error('rtsp://joe:secret@cam/live: 401 Unauthorized\\nsecond line'); process.exit(8)`;
  await expect(sourceOf(script).capture(never, () => undefined)).rejects.toThrow(
    'node ended with code 8 on the camera source file:/x.mp4: rtsp://cam/live: 401 Unauthorized | second line. Look at it.',
  );
  await expect(sourceOf('process.exit(8)').capture(never, () => undefined)).rejects.toThrow(
    /x\.mp4\. Look at it\.$/,
  );
});

it('says the same of the same failure: addresses in memory are left out', async () => {
  const script = (address: string): string =>
    `console.error('[v4l2 @ ${address}] Cannot open.'); process.exit(1)`;
  for (const address of ['0x55965b061b00', '0x5611af9adb00'])
    await expect(sourceOf(script(address)).capture(never, () => undefined)).rejects.toThrow(
      'file:/x.mp4: [v4l2] Cannot open. Look at it.',
    );
});
