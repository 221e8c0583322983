import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateStreamCommand, KinesisVideoClient } from '@aws-sdk/client-kinesis-video';
import {
  GetImagesCommand,
  type GetImagesInput,
  KinesisVideoArchivedMediaClient,
} from '@aws-sdk/client-kinesis-video-archived-media';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { accountKey, type Harness, region, startKinesisVideo } from '../testing/harness.ts';
import { PutMediaClient } from '../testing/put-media-client.ts';
import { makeMkv } from '../testing/sample.ts';

const run = promisify(execFile);
const StreamName = 'AOVIS-0001';
const sample = join(import.meta.dirname, '..', 'testing', 'sample.mp4');
let harness: Harness;
let archive: KinesisVideoArchivedMediaClient;
let directory: string;
let startMs: number;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'get-images-'));
  harness = await startKinesisVideo();
  const settings = { region, endpoint: harness.service.url, credentials: accountKey, maxAttempts: 1 };
  const control = new KinesisVideoClient(settings);
  await control.send(new CreateStreamCommand({ StreamName, DataRetentionInHours: 24 }));
  control.destroy();
  archive = new KinesisVideoArchivedMediaClient(settings);
  startMs = Date.now() - 60_000;
  const client = await PutMediaClient.open({ url: harness.service.url, streamName: StreamName });
  await client.finish(await makeMkv({ startMs, audio: true }));
});
afterEach(async () => {
  archive.destroy();
  await harness.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function images(more: Partial<GetImagesInput>): Promise<Buffer[]> {
  const answer = await archive.send(
    new GetImagesCommand({
      StreamName,
      ImageSelectorType: 'PRODUCER_TIMESTAMP',
      StartTimestamp: new Date(startMs),
      EndTimestamp: new Date(startMs + 5900),
      Format: 'PNG',
      ...more,
    }),
  );
  expect(answer.Images?.map((image) => image.Error)).not.toContain('MEDIA_ERROR');
  return (answer.Images ?? []).map(({ ImageContent = '' }) => Buffer.from(ImageContent, 'base64'));
}

/** The pixels of a file's frame. */
async function pixels(file: string, frame: number): Promise<string> {
  const select = `select=eq(n\\,${frame})`;
  const output = '-map 0:v:0 -frames:v 1 -pix_fmt rgb24 -f md5 -'.split(' ');
  const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', file, '-vf', select, ...output]);
  return stdout.trim();
}

async function size(picture: Buffer): Promise<string> {
  const file = join(directory, 'picture');
  writeFileSync(file, picture);
  const options = '-v error -show_entries stream=codec_name,width,height -of csv=p=0'.split(' ');
  const { stdout } = await run('ffprobe', [...options, file]);
  return stdout.trim();
}

it('shows the very pixels of the frames that were sent', async () => {
  const pictures = await images({ SamplingInterval: 1400 });
  expect(pictures).toHaveLength(5);
  for (const [i, picture] of pictures.entries()) {
    const file = join(directory, `${i}.png`);
    writeFileSync(file, picture);
    // 1.4 s are 21 frames.
    expect(await pixels(file, 0)).toBe(await pixels(sample, i * 21));
  }
});

it('makes JPEGs of the size and quality that are asked for', async () => {
  const EndTimestamp = new Date(startMs);
  const jpeg = async (more: Partial<GetImagesInput>): Promise<Buffer> =>
    (await images({ EndTimestamp, Format: 'JPEG', ...more }))[0] ?? Buffer.alloc(0);
  const whole = await jpeg({});
  expect(await size(whole)).toBe('mjpeg,320,180');
  expect(await size(await jpeg({ WidthPixels: 100, HeightPixels: 99 }))).toBe('mjpeg,100,99');
  expect(await size(await jpeg({ HeightPixels: 90 }))).toBe('mjpeg,160,90');
  const poor = await jpeg({ FormatConfig: { JPEGQuality: '1' } });
  const good = await jpeg({ FormatConfig: { JPEGQuality: '100' } });
  expect(poor.length).toBeLessThan(whole.length);
  expect(whole.length).toBeLessThan(good.length);
});
