import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KinesisVideoClips } from './kinesis-video-clips.ts';
import {
  type Answer,
  type RecordedRequest,
  type RecordedService,
  startRecordedService,
  useTestCredentials,
} from './testing/recorded-service.ts';

const stream = 'aovis-stream-aovis-n4k-000123';
const range = { start: new Date('2026-03-01T08:00:00Z'), end: new Date('2026-03-01T08:02:00.5Z') };
const selector = {
  FragmentSelectorType: 'PRODUCER_TIMESTAMP',
  TimestampRange: { StartTimestamp: 1_772_352_000, EndTimestamp: 1_772_352_120.5 },
};
const limits = { fragments: 3, bytes: 1_000 };
let service: RecordedService;
let clips: KinesisVideoClips;
let answers: Record<string, Answer | ((request: RecordedRequest) => Answer)>;
const signal = new AbortController().signal;

beforeEach(async () => {
  useTestCredentials();
  service = await startRecordedService((request) => {
    const answer = answers[request.path] ?? { status: 500 };
    return typeof answer === 'function' ? answer(request) : answer;
  });
  clips = new KinesisVideoClips({ region: 'eu-central-1', endpoint: service.url });
  answers = { '/getDataEndpoint': () => ({ body: { DataEndpoint: service.url } }) };
});
afterEach(async () => {
  clips.close();
  await service.stop();
});
const page = (sizes: number[], next?: string): Answer => ({
  body: {
    Fragments: sizes.map((size) => ({ FragmentNumber: '1', FragmentSizeInBytes: size })),
    NextToken: next,
  },
});

describe('the size of a range', () => {
  it('is counted over the pages of the fragments that begin in it', async () => {
    const pages = [page([100, 200], 'next'), page([300])];
    answers['/listFragments'] = () => pages.shift() ?? { status: 500 };
    expect(await clips.measure(stream, range, limits)).toEqual({ fragments: 3, bytes: 600 });
    expect(service.requests.map(({ path, body }) => [path, body])).toEqual([
      ['/getDataEndpoint', { StreamName: stream, APIName: 'LIST_FRAGMENTS' }],
      ['/listFragments', { StreamName: stream, MaxResults: 1_000, FragmentSelector: selector }],
      ['/listFragments', { StreamName: stream, MaxResults: 1_000, NextToken: 'next' }],
    ]);
  });

  it.each([
    ['fragments', [1, 1, 1, 1]],
    ['bytes', [1_001]],
  ])('is counted no further than to know that there are too many %s', async (_, sizes) => {
    answers['/listFragments'] = page(sizes, 'next');
    const size = await clips.measure(stream, range, limits);
    expect(size.fragments > limits.fragments || size.bytes > limits.bytes).toBe(true);
    expect(service.requests).toHaveLength(2);
  });

  it('is nothing where nothing was recorded', async () => {
    answers['/listFragments'] = page([]);
    expect(await clips.measure(stream, range, limits)).toEqual({ fragments: 0, bytes: 0 });
  });
});

describe('a clip', () => {
  it('is the service’s answer, byte for byte', async () => {
    const bytes = Buffer.alloc(300_000, 'mp4');
    answers['/getClip'] = { bytes };
    expect(await buffer(await clips.open(stream, range, signal))).toEqual(bytes);
    expect(service.requests.map(({ path, body }) => [path, body])).toEqual([
      ['/getDataEndpoint', { StreamName: stream, APIName: 'GET_CLIP' }],
      ['/getClip', { StreamName: stream, ClipFragmentSelector: selector }],
    ]);
    expect(service.requests[1]?.authorization).toContain('/eu-central-1/kinesisvideo/aws4_request');
  });

  it.each([
    [{ status: 404, error: 'ResourceNotFoundException' }, 'stream_not_available'],
    [{ status: 400, error: 'NoDataRetentionException' }, 'stream_not_available'],
    [{ status: 400, error: 'MissingCodecPrivateDataException' }, 'stream_not_available'],
    [{ status: 400, error: 'InvalidMediaFrameException' }, 'stream_not_available'],
    [{ status: 400, error: 'ClientLimitExceededException' }, 'service_unavailable'],
  ])('that cannot be had: %j', async (answer, code) => {
    answers['/getClip'] = answer;
    await expect(clips.open(stream, range, signal)).rejects.toMatchObject({ code });
  });

  it('is not waited for by nobody', async () => {
    const leaving = new AbortController();
    answers['/getClip'] = () => {
      leaving.abort();
      return { silent: true };
    };
    await expect(clips.open(stream, range, leaving.signal)).rejects.toMatchObject({
      code: 'service_unavailable',
    });
    expect(service.requests.filter(({ path }) => path === '/getClip')).toHaveLength(1);
  });
});
