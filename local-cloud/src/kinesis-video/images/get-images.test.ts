import { CreateStreamCommand, KinesisVideoClient } from '@aws-sdk/client-kinesis-video';
import {
  GetImagesCommand,
  type GetImagesInput,
  type Image,
  InvalidArgumentException,
  KinesisVideoArchivedMediaClient,
  NoDataRetentionException,
  ResourceNotFoundException,
} from '@aws-sdk/client-kinesis-video-archived-media';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { accountKey, type Harness, region, startKinesisVideo } from '../testing/harness.ts';
import { PutMediaClient } from '../testing/put-media-client.ts';
import { makeMkv } from '../testing/sample.ts';
import type { PictureDecoder, PictureRequest } from './picture-decoder.ts';

const StreamName = 'AOVIS-0001';
let harness: Harness;
let control: KinesisVideoClient;
let archive: KinesisVideoArchivedMediaClient;
let asked: PictureRequest[];

/** Writes down what it is asked; its picture is the number of the frame. */
const decoder: PictureDecoder = {
  decode: async (request) => {
    asked.push(request);
    return Buffer.from(`frame ${request.frame}`);
  },
};

beforeEach(async () => {
  asked = [];
  harness = await startKinesisVideo({ decoder });
  const settings = { region, endpoint: harness.service.url, credentials: accountKey, maxAttempts: 1 };
  control = new KinesisVideoClient(settings);
  archive = new KinesisVideoArchivedMediaClient(settings);
  await control.send(new CreateStreamCommand({ StreamName, DataRetentionInHours: 24 }));
});
afterEach(async () => {
  for (const client of [control, archive]) client.destroy();
  await harness.stop();
});

async function put(startMs: number, seconds = 6): Promise<void> {
  const client = await PutMediaClient.open({ url: harness.service.url, streamName: StreamName });
  await client.finish(await makeMkv({ startMs, seconds }));
}
const send = (startMs: number, endMs: number, more: Partial<GetImagesInput> = {}) =>
  archive.send(
    new GetImagesCommand({
      StreamName,
      ImageSelectorType: 'PRODUCER_TIMESTAMP',
      StartTimestamp: new Date(startMs),
      EndTimestamp: new Date(endMs),
      Format: 'JPEG',
      ...more,
    }),
  );
const shown = ({ ImageContent, Error: error }: Image): string =>
  error ?? Buffer.from(ImageContent ?? '', 'base64').toString();

it('samples a range: the frame that is shown at each time, and where there is none, NO_MEDIA', async () => {
  const startMs = Date.now() - 60_000;
  await put(startMs);
  const { Images = [], NextToken } = await send(startMs - 500, startMs + 7000, { SamplingInterval: 500 });
  expect(NextToken).toBeUndefined();
  expect(Images.map(({ TimeStamp }) => TimeStamp?.getTime())).toEqual(
    Array.from({ length: 16 }, (_, i) => startMs - 500 + i * 500),
  );
  // A second has 15 frames; the eighth comes after 467 ms.
  const second = ['frame 0', 'frame 7'];
  expect(Images.map(shown)).toEqual([
    'NO_MEDIA',
    ...Array.from({ length: 6 }, () => second).flat(),
    'frame 14',
    'NO_MEDIA',
    'NO_MEDIA',
  ]);
  expect(asked[0]).toMatchObject({ format: 'JPEG', quality: 80, width: undefined, height: undefined });
});

it('takes one picture every three seconds unless told, and at the start of a short range', async () => {
  const startMs = Date.now() - 60_000;
  await put(startMs);
  expect((await send(startMs, startMs + 5999)).Images).toHaveLength(2);
  expect((await send(startMs + 100, startMs + 200)).Images?.map(shown)).toEqual(['frame 1']);
  expect((await send(startMs, startMs)).Images?.map(shown)).toEqual(['frame 0']);
});

it('goes by server time as well', async () => {
  await put(Date.now() - 3_600_000, 2);
  const now = Date.now();
  const { Images = [] } = await send(now - 2000, now, {
    ImageSelectorType: 'SERVER_TIMESTAMP',
    SamplingInterval: 200,
  });
  expect(Images.map(shown)).toContain('frame 0');
  expect((await send(now - 2000, now)).Images?.map(shown)).toEqual(['NO_MEDIA']);
});

it('gives 25 pictures a page at most', async () => {
  const startMs = Date.now() - 60_000;
  await put(startMs);
  const times: number[] = [];
  const sizes: number[] = [];
  let NextToken: string | undefined;
  do {
    const page = await send(startMs, startMs + 5999, { SamplingInterval: 200, MaxResults: 100, NextToken });
    sizes.push(page.Images?.length ?? 0);
    for (const { TimeStamp } of page.Images ?? []) times.push(TimeStamp?.getTime() ?? 0);
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  expect(sizes).toEqual([25, 5]);
  expect(times).toEqual(Array.from({ length: 30 }, (_, i) => startMs + i * 200));
  expect((await send(startMs, startMs + 5999, { MaxResults: 1 })).Images).toHaveLength(1);
});

it('hands on format, quality and size', async () => {
  const startMs = Date.now() - 60_000;
  await put(startMs, 1);
  const FormatConfig = { JPEGQuality: '20' };
  await send(startMs, startMs, { FormatConfig, WidthPixels: 64, HeightPixels: 64 });
  await send(startMs, startMs, { Format: 'PNG', HeightPixels: 90 });
  expect(asked).toMatchObject([
    { format: 'JPEG', quality: 20, width: 64, height: 64 },
    { format: 'PNG', width: undefined, height: 90 },
  ]);
});

it('says MEDIA_ERROR where a picture cannot be made', async () => {
  const startMs = Date.now() - 60_000;
  await put(startMs, 1);
  decoder.decode = async () => undefined;
  expect((await send(startMs, startMs)).Images).toEqual([
    { TimeStamp: new Date(startMs), Error: 'MEDIA_ERROR' },
  ]);
});

it('refuses what the API refuses', async () => {
  const now = Date.now();
  const wrong: Partial<GetImagesInput>[] = [
    { EndTimestamp: new Date(now - 1) },
    { EndTimestamp: new Date(now + 300_001) },
    { SamplingInterval: 199 },
    { FormatConfig: { JPEGQuality: '0' } },
    { FormatConfig: { JPEGQuality: '101' } },
    { FormatConfig: { Quality: '1' } as GetImagesInput['FormatConfig'] },
    { WidthPixels: 64 },
    { HeightPixels: 2161 },
    { MaxResults: 101 },
    { NextToken: 'no token' },
    { NextToken: Buffer.from(String(now + 1)).toString('base64url') },
    { Format: 'GIF' as 'PNG' },
  ];
  for (const more of wrong)
    await expect(send(now, now + 1000, more)).rejects.toThrow(InvalidArgumentException);
  await expect(send(now, now, { StreamName: 'gone' })).rejects.toThrow(ResourceNotFoundException);
  await control.send(new CreateStreamCommand({ StreamName: 'live', DataRetentionInHours: 0 }));
  await expect(send(now, now, { StreamName: 'live' })).rejects.toThrow(NoDataRetentionException);
});
