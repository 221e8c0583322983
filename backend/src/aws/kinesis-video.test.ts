import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KinesisVideoHls } from './kinesis-video-hls.ts';
import { KinesisVideoStreams } from './kinesis-video-streams.ts';
import {
  type Answer,
  type RecordedRequest,
  type RecordedService,
  startRecordedService,
  useTestCredentials,
} from './testing/recorded-service.ts';

const stream = 'aovis-stream-aovis-n4k-000123';
const region = 'eu-central-1';
let service: RecordedService;
let answers: Record<string, Answer | ((request: RecordedRequest) => Answer)>;

beforeEach(async () => {
  useTestCredentials();
  service = await startRecordedService((request) => {
    const answer = answers[request.path] ?? { status: 500 };
    return typeof answer === 'function' ? answer(request) : answer;
  });
});
afterEach(() => service.stop());
const asked = (): string[] => service.requests.map(({ path }) => path);

describe('streams', () => {
  const ensure = async (): Promise<void> => {
    const streams = new KinesisVideoStreams({ region, endpoint: service.url });
    try {
      await streams.ensureStream(stream, 168);
    } finally {
      streams.close();
    }
  };
  const exists = { status: 400, error: 'ResourceInUseException' };
  const info = (rest: object): Answer => ({
    body: { StreamInfo: { StreamName: stream, Version: 'v1', Status: 'ACTIVE', ...rest } },
  });

  it('makes a missing one with its retention', async () => {
    answers = { '/createStream': { body: { StreamARN: 'arn' } } };
    await ensure();
    expect(service.requests[0]?.body).toEqual({
      StreamName: stream,
      DataRetentionInHours: 168,
      MediaType: 'video/h264',
    });
  });

  it('leaves one that keeps long enough', async () => {
    answers = { '/createStream': exists, '/describeStream': info({ DataRetentionInHours: 720 }) };
    await ensure();
    expect(asked()).toEqual(['/createStream', '/describeStream']);
  });

  it('raises the retention of one that keeps too short', async () => {
    answers = {
      '/createStream': exists,
      '/describeStream': info({ DataRetentionInHours: 24 }),
      '/updateDataRetention': {},
    };
    await ensure();
    expect(service.requests.at(-1)?.body).toEqual({
      StreamName: stream,
      CurrentVersion: 'v1',
      Operation: 'INCREASE_DATA_RETENTION',
      DataRetentionChangeInHours: 144,
    });
  });

  it('asks to come again while one is being made', async () => {
    answers = {
      '/createStream': exists,
      '/describeStream': info({ DataRetentionInHours: 0, Status: 'CREATING' }),
    };
    await expect(ensure()).rejects.toMatchObject({ code: 'service_unavailable', retryAfterMs: 5_000 });
  });
});

describe('HLS sessions', () => {
  let hls: KinesisVideoHls;
  const url =
    'https://b-1234abcd.kinesisvideo.eu-central-1.amazonaws.com/hls/v1/getHLSMasterPlaylist.m3u8?SessionToken=t';
  const start = new Date('2026-03-01T08:00:00Z');
  const end = new Date('2026-03-01T09:00:00Z');

  beforeEach(() => {
    hls = new KinesisVideoHls({ region, endpoint: service.url });
    answers = {
      '/getDataEndpoint': () => ({ body: { DataEndpoint: service.url } }),
      '/getHLSStreamingSessionURL': { body: { HLSStreamingSessionURL: url } },
    };
  });
  afterEach(() => hls.close());

  const common = {
    StreamName: stream,
    ContainerFormat: 'FRAGMENTED_MP4',
    DiscontinuityMode: 'ON_DISCONTINUITY',
    DisplayFragmentTimestamp: 'ALWAYS',
    Expires: 900,
  };
  it.each([
    [
      { mode: 'live' },
      { ...common, PlaybackMode: 'LIVE', HLSFragmentSelector: { FragmentSelectorType: 'SERVER_TIMESTAMP' } },
    ],
    [
      { mode: 'replay', start },
      {
        ...common,
        PlaybackMode: 'LIVE_REPLAY',
        HLSFragmentSelector: {
          FragmentSelectorType: 'PRODUCER_TIMESTAMP',
          TimestampRange: { StartTimestamp: 1_772_352_000 },
        },
      },
    ],
    [
      { mode: 'on_demand', start, end },
      {
        ...common,
        PlaybackMode: 'ON_DEMAND',
        HLSFragmentSelector: {
          FragmentSelectorType: 'PRODUCER_TIMESTAMP',
          TimestampRange: { StartTimestamp: 1_772_352_000, EndTimestamp: 1_772_355_600 },
        },
        MaxMediaPlaylistFragmentResults: 5_000,
      },
    ],
  ] as const)('asks for %j', async (playback, body) => {
    expect(await hls.open(stream, playback, 900)).toBe(url);
    expect(service.requests.at(-1)?.body).toEqual(body);
  });

  it('asks for the endpoint once', async () => {
    await hls.open(stream, { mode: 'live' }, 900);
    await hls.open(stream, { mode: 'live' }, 900);
    expect(asked()).toEqual(['/getDataEndpoint', '/getHLSStreamingSessionURL', '/getHLSStreamingSessionURL']);
    expect(service.requests[0]?.body).toEqual({
      StreamName: stream,
      APIName: 'GET_HLS_STREAMING_SESSION_URL',
    });
  });

  it('asks for the endpoint again when it fails', async () => {
    const first = await startRecordedService(() => ({ body: { HLSStreamingSessionURL: url } }));
    answers['/getDataEndpoint'] = { body: { DataEndpoint: first.url } };
    await hls.open(stream, { mode: 'live' }, 900);
    await first.stop();
    answers['/getDataEndpoint'] = { body: { DataEndpoint: service.url } };
    expect(await hls.open(stream, { mode: 'live' }, 900)).toBe(url);
    expect(asked()).toEqual(['/getDataEndpoint', '/getDataEndpoint', '/getHLSStreamingSessionURL']);
  });

  it.each(['/getDataEndpoint', '/getHLSStreamingSessionURL'])(
    'without video at %s there is nothing to play',
    async (path) => {
      answers[path] = { status: 404, error: 'ResourceNotFoundException' };
      await expect(hls.open(stream, { mode: 'live' }, 900)).rejects.toMatchObject({
        code: 'stream_not_available',
      });
    },
  );

  it('passes on that the service is busy', async () => {
    answers['/getHLSStreamingSessionURL'] = { status: 400, error: 'ClientLimitExceededException' };
    await expect(hls.open(stream, { mode: 'live' }, 900)).rejects.toMatchObject({
      code: 'service_unavailable',
    });
  });
});
