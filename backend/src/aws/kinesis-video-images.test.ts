import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { KinesisVideoImages } from './kinesis-video-images.ts';
import {
  type Answer,
  type RecordedService,
  startRecordedService,
  useTestCredentials,
} from './testing/recorded-service.ts';

const stream = 'aovis-stream-aovis-n4k-000123';
const range = { start: new Date('2026-03-01T08:00:00Z'), end: new Date('2026-03-01T08:05:00Z') };
const request = { range, count: 8, heightPixels: 360, maxBytes: 100 };
const signal = new AbortController().signal;
const jpeg = (length: number): Buffer =>
  Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(length)]);
const image = (bytes: Buffer) => ({ TimeStamp: 1_772_352_000, ImageContent: bytes.toString('base64') });
let service: RecordedService;
let images: KinesisVideoImages;
let answer: Answer;

beforeEach(async () => {
  useTestCredentials();
  service = await startRecordedService(({ path }) =>
    path === '/getDataEndpoint' ? { body: { DataEndpoint: service.url } } : answer,
  );
  images = new KinesisVideoImages({ region: 'eu-central-1', endpoint: service.url });
});
afterEach(async () => {
  images.close();
  await service.stop();
});

it('asks for small pictures, evenly spread', async () => {
  answer = { body: { Images: [image(jpeg(10)), image(jpeg(20))] } };
  expect(await images.take(stream, request, signal)).toEqual([jpeg(10), jpeg(20)]);
  expect(service.requests.map(({ path, body }) => [path, body])).toEqual([
    ['/getDataEndpoint', { StreamName: stream, APIName: 'GET_IMAGES' }],
    [
      '/getImages',
      {
        StreamName: stream,
        ImageSelectorType: 'PRODUCER_TIMESTAMP',
        StartTimestamp: 1_772_352_000,
        EndTimestamp: 1_772_352_300,
        SamplingInterval: 37_500,
        Format: 'JPEG',
        FormatConfig: { JPEGQuality: '60' },
        HeightPixels: 360,
        MaxResults: 8,
      },
    ],
  ]);
});

it('asks for no shorter interval than the service takes', async () => {
  answer = { body: { Images: [] } };
  const second = { start: range.start, end: new Date(range.start.getTime() + 1_000) };
  expect(await images.take(stream, { ...request, range: second }, signal)).toEqual([]);
  expect(service.requests.at(-1)?.body).toMatchObject({ SamplingInterval: 200 });
});

it('takes nothing but JPEGs of the size and the number that were asked for', async () => {
  answer = {
    body: {
      Images: [
        { TimeStamp: 1_772_352_000, Error: 'NO_MEDIA' },
        { TimeStamp: 1_772_352_000 },
        image(Buffer.from('GIF89a')),
        image(jpeg(200)),
        ...Array.from({ length: 12 }, () => image(jpeg(3))),
      ],
    },
  };
  expect(await images.take(stream, request, signal)).toEqual(Array.from({ length: 8 }, () => jpeg(3)));
});

it.each([
  [{ status: 404, error: 'ResourceNotFoundException' }, 'stream_not_available'],
  [{ status: 400, error: 'ClientLimitExceededException' }, 'service_unavailable'],
])('%j', async (given, code) => {
  answer = given;
  await expect(images.take(stream, request, signal)).rejects.toMatchObject({ code });
});
