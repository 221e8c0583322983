import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { systemClock as clock } from '../host/clock.ts';
import { clipPath, clipPictures } from '../streaming/testing/pictures.ts';
import type { AccessUnit } from './access-unit.ts';
import type { AudioFrame } from './audio-frame.ts';
import type { CaptureSettings } from './camera-source.ts';
import { createCameraSource } from './create-camera-source.ts';
import { encoderArguments, encoderSetup, h264Encoders } from './encoder.ts';
import { parseSourceSpecification } from './source-specification.ts';
import { findPictureFormat } from './sps.ts';
import { RtspCamera } from './testing/rtsp-camera.ts';

const directory = mkdtempSync(join(tmpdir(), 'ffmpeg-'));
afterAll(() => rmSync(directory, { recursive: true }));

const settings: CaptureSettings = { width: 640, height: 360, fps: 20, bitrateBps: 500_000, gopSeconds: 1 };

it.each(h264Encoders.filter((encoder) => encoder !== 'libx264'))(
  'gives %s no option that ffmpeg does not know',
  (encoder) => {
    const known = execFileSync('ffmpeg', ['-v', 'quiet', '-encoders'], { encoding: 'utf8' });
    // Builds for other boards have their own encoders: what they all understand is tested with the one that is here.
    const tried = known.includes(encoder) ? encoder : 'h264_v4l2m2m';
    const line = encoderArguments(encoder, settings).map((word) => (word === encoder ? tried : word));
    const setup = encoderSetup(encoder);
    const { stderr } = spawnSync(
      'ffmpeg',
      ['-v', 'error', ...setup, '-f', 'lavfi', '-i', 'testsrc2=duration=1', ...line, '-f', 'null', '-'],
      { encoding: 'utf8' },
    );
    // There is no such hardware here: that, and nothing else, is what it may complain of.
    expect(stderr).not.toMatch(/unrecognized option|option .* not found|unable to parse|undefined constant/i);
    expect(stderr).not.toMatch(/codec avoption .* has not been used/i);
  },
);

it('makes sound beside the pictures, at the same time', async () => {
  const controller = new AbortController();
  const frames: AudioFrame[] = [];
  const pictures: AccessUnit[] = [];
  await createCameraSource({
    specification: parseSourceSpecification('testsrc'),
    sound: { kind: 'source' },
    settings,
    clock,
    clipPath,
  }).capture(
    controller.signal,
    (picture) => {
      pictures.push(picture);
      if (pictures.length >= 60 && frames.length > 0) controller.abort();
    },
    (frame) => frames.push(frame),
  );
  expect(frames[0]?.format).toMatchObject({ samplingHz: 16_000, channels: 1 });
  expect(frames.length).toBeGreaterThan(20);
  const apart = (frames.at(-1)?.timestampMs ?? 0) - (pictures.at(-1)?.timestampMs ?? 0);
  expect(Math.abs(apart)).toBeLessThan(500);
}, 20_000);

/** Captures until `count` pictures have come. */
async function capture(source: string, count: number): Promise<AccessUnit[]> {
  const controller = new AbortController();
  const pictures: AccessUnit[] = [];
  const specification = parseSourceSpecification(source);
  await createCameraSource({ specification, settings, clock, clipPath }).capture(
    controller.signal,
    (picture) => {
      pictures.push(picture);
      if (pictures.length === count) controller.abort();
    },
  );
  return pictures;
}

it('makes a test pattern with the wished size, rate and keyframe interval', async () => {
  const pictures = await capture('testsrc', 45);
  const format = findPictureFormat(pictures[0]?.parameterSets ?? { sps: [], pps: [] });
  expect(format).toMatchObject({ width: 640, height: 360, fps: 20 });
  expect(pictures.flatMap(({ keyframe }, index) => (keyframe ? [index] : []))).toEqual([0, 20, 40]);
  expect(pictures.some(({ bidirectional }) => bidirectional)).toBe(false);
}, 20_000);

it('plays an MP4 file without encoding it again', async () => {
  const file = join(directory, "it's a film.mp4");
  execFileSync('ffmpeg', ['-v', 'error', '-r', '15', '-i', clipPath, '-c', 'copy', file]);
  const pictures = await capture(`file:${file}`, 20);
  expect(findPictureFormat(pictures[0]?.parameterSets ?? { sps: [], pps: [] })).toMatchObject({
    width: 1280,
  });
  expect(pictures.map(({ keyframe }) => keyframe).indexOf(true, 1)).toBe(15);
}, 20_000);

describe('a network camera', () => {
  async function captureFrom(setsInBand: boolean, password: string, count: number): Promise<AccessUnit[]> {
    const camera = new RtspCamera({ user: 'joe', password: 's3cret', setsInBand });
    const address = await camera.start();
    try {
      return await capture(`rtsp://joe:${password}@${address}`, count);
    } finally {
      await camera.stop();
    }
  }

  it.each([
    ['beside the pictures', true],
    ['in its description alone', false],
  ])(
    'sends its parameter sets %s',
    async (_name, setsInBand) => {
      // ffmpeg leaves out what it looks at first; what follows begins with a keyframe.
      const pictures = await captureFrom(setsInBand, 's3cret', 46);
      const keyframes = pictures.flatMap(({ keyframe }, index) => (keyframe ? [index] : []));
      expect(keyframes).toEqual([0, 15, 30, 45]);
      const [sent] = clipPictures();
      expect(pictures.map(({ parameterSets }) => parameterSets)).toEqual(
        pictures.map(() => sent?.parameterSets),
      );
    },
    20_000,
  );

  it('that wants another password is told so, without it', async () => {
    const failure = captureFrom(true, 'wr0ng', 1);
    await expect(failure).rejects.toThrow(
      /401 Unauthorized.*Check the address with its path, name and password/,
    );
    await expect(failure).rejects.not.toThrow('wr0ng');
  }, 20_000);
});

it('passes the complaint of ffmpeg on', async () => {
  await expect(capture('file:/nowhere.mp4', 1)).rejects.toThrow('/nowhere.mp4: No such file or directory');
  await expect(capture('v4l2:/dev/video-none', 1)).rejects.toThrow('/dev/video-none');
});
