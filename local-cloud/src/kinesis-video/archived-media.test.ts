import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import {
  CreateStreamCommand,
  type CreateStreamInput,
  KinesisVideoClient,
} from '@aws-sdk/client-kinesis-video';
import {
  type Fragment,
  GetClipCommand,
  GetHLSStreamingSessionURLCommand,
  type GetHLSStreamingSessionURLInput,
  GetMediaForFragmentListCommand,
  KinesisVideoArchivedMediaClient,
  ListFragmentsCommand,
} from '@aws-sdk/client-kinesis-video-archived-media';
import { GetMediaCommand, KinesisVideoMediaClient } from '@aws-sdk/client-kinesis-video-media';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import {
  ALL_FORMATS,
  BufferSource,
  EncodedPacketSink,
  HLS_FORMATS,
  Input,
  type InputTrack,
  MATROSKA,
  MP4,
  UrlSource,
} from 'mediabunny';
import { type MkvTag, writeTags } from './mkv/mkv-header.ts';
import { MkvParser } from './mkv/mkv-parser.ts';
import { accountKey, type Harness, region, startKinesisVideo } from './testing/harness.ts';
import {
  fetchBytes,
  fetchPlaylist,
  fetchText,
  type MediaPlaylist,
  mediaPlaylistUrls,
} from './testing/playback.ts';
import { PutMediaClient } from './testing/put-media-client.ts';
import { makeMkv } from './testing/sample.ts';

const StreamName = 'AOVIS-0001';
let harness: Harness;
let control: KinesisVideoClient;
let archive: KinesisVideoArchivedMediaClient;
let live: KinesisVideoMediaClient;

const connect = (): void => {
  const settings = { region, endpoint: harness.service.url, credentials: accountKey, maxAttempts: 1 };
  control = new KinesisVideoClient(settings);
  archive = new KinesisVideoArchivedMediaClient(settings);
  live = new KinesisVideoMediaClient(settings);
};
const disconnect = (): void => {
  for (const client of [control, archive, live]) client.destroy();
};
const create = async (input: Partial<CreateStreamInput> = {}): Promise<void> => {
  await control.send(new CreateStreamCommand({ StreamName, DataRetentionInHours: 24, ...input }));
};
const put = async (startMs: number, seconds = 6, audio = false, streamName = StreamName): Promise<void> => {
  const client = await PutMediaClient.open({ url: harness.service.url, streamName });
  const acks = await client.finish(await makeMkv({ startMs, seconds, audio }));
  expect(acks.filter(({ EventType }) => EventType === 'ERROR')).toEqual([]);
};
const openHls = async (input: Partial<GetHLSStreamingSessionURLInput> = {}): Promise<string> => {
  const answer = await archive.send(new GetHLSStreamingSessionURLCommand({ StreamName, ...input }));
  return answer.HLSStreamingSessionURL ?? '';
};
const videoPlaylist = async (masterUrl: string): Promise<MediaPlaylist> => {
  const [url] = mediaPlaylistUrls(masterUrl, await fetchText(masterUrl));
  return fetchPlaylist(url ?? '');
};
const onDemand = (startMs: number, endMs: number): Partial<GetHLSStreamingSessionURLInput> => ({
  PlaybackMode: 'ON_DEMAND',
  HLSFragmentSelector: {
    FragmentSelectorType: 'PRODUCER_TIMESTAMP',
    TimestampRange: { StartTimestamp: new Date(startMs), EndTimestamp: new Date(endMs) },
  },
});
const range = (startMs: number, endMs: number) => ({
  FragmentSelectorType: 'PRODUCER_TIMESTAMP' as const,
  TimestampRange: { StartTimestamp: new Date(startMs), EndTimestamp: new Date(endMs) },
});
const listAll = async (): Promise<Fragment[]> =>
  (await archive.send(new ListFragmentsCommand({ StreamName }))).Fragments ?? [];

const inputs: Input[] = [];
/** An independent reader, closed after the test. */
function open(options: ConstructorParameters<typeof Input>[0]): Input {
  const input = new Input(options);
  inputs.push(input);
  return input;
}

/** Times in milliseconds and digests of the packets of a track. */
async function packetsOf(track: InputTrack | null): Promise<{ times: number[]; digests: string[] }> {
  const [times, digests]: [number[], string[]] = [[], []];
  if (track !== null)
    for await (const packet of new EncodedPacketSink(track).packets()) {
      times.push(Math.round(packet.timestamp * 1000));
      digests.push(createHash('sha256').update(packet.data).digest('hex'));
    }
  return { times, digests };
}

/** What was sent, read by mediabunny from the MKV it made. */
async function sent(audio = false): Promise<{ video: string[]; audio: string[] }> {
  const input = open({
    source: new BufferSource(await makeMkv({ startMs: 0, audio })),
    formats: [MATROSKA],
  });
  return {
    video: (await packetsOf(await input.getPrimaryVideoTrack())).digests,
    audio: (await packetsOf(await input.getPrimaryAudioTrack())).digests,
  };
}

beforeEach(async () => {
  harness = await startKinesisVideo();
  connect();
  await create();
});
afterEach(async () => {
  for (const input of inputs.splice(0)) input.dispose();
  disconnect();
  await harness.stop();
});

it('lists fragments in pages, by producer time', async () => {
  const startMs = Date.now() - 10_000;
  await put(startMs);
  const pages: Fragment[] = [];
  let NextToken: string | undefined;
  do {
    const answer = await archive.send(
      new ListFragmentsCommand({
        StreamName,
        MaxResults: 2,
        NextToken,
        FragmentSelector: range(startMs + 1000, startMs + 5000),
      }),
    );
    pages.push(...(answer.Fragments ?? []));
    NextToken = answer.NextToken;
  } while (NextToken !== undefined);
  expect(pages.map((fragment) => fragment.ProducerTimestamp?.getTime())).toEqual(
    [1, 2, 3, 4, 5].map((second) => startMs + second * 1000),
  );
  expect(pages.every((fragment) => fragment.FragmentLengthInMilliseconds === 1000)).toBe(true);
});

it('keeps fragments over a restart', async () => {
  await put(Date.now() - 10_000);
  const before = await listAll();
  disconnect();
  await harness.restart();
  connect();
  expect(await listAll()).toEqual(before);
  await put(Date.now() - 1000, 1);
  const after = await listAll();
  expect(after).toHaveLength(7);
  const numbers = after.map(({ FragmentNumber }) => String(FragmentNumber));
  expect(numbers).toEqual([...numbers].sort());
});

it('gives media for a fragment list: whole Matroska files one after the other, with the tags', async () => {
  const startMs = Date.now() - 10_000;
  await put(startMs);
  const numbers = (await listAll()).slice(1, 3).map(({ FragmentNumber }) => FragmentNumber ?? '');
  const answer = await archive.send(new GetMediaForFragmentListCommand({ StreamName, Fragments: numbers }));
  expect(answer.ContentType).toBe('video/webm');
  const bytes = Buffer.from((await answer.Payload?.transformToByteArray()) ?? []);
  const second = bytes.indexOf(Buffer.from('1a45dfa3', 'hex'), 1);
  for (const [i, file] of [bytes.subarray(0, second), bytes.subarray(second)].entries()) {
    const tags: Record<string, string> = {};
    new MkvParser({
      header: () => undefined,
      fragmentStart: () => undefined,
      block: () => undefined,
      fragmentEnd: () => undefined,
      tags: (found) => found.forEach(({ name, value }) => Object.assign(tags, { [name]: value })),
    }).push(file);
    expect(tags['AWS_KINESISVIDEO_FRAGMENT_NUMBER']).toBe(numbers[i]);
    expect(tags['AWS_KINESISVIDEO_PRODUCER_SIDE_TIMESTAMP']).toBe(
      ((startMs + (i + 1) * 1000) / 1000).toFixed(3),
    );
    const input = open({ source: new BufferSource(file), formats: [MATROSKA] });
    const { times } = await packetsOf(await input.getPrimaryVideoTrack());
    expect(times).toHaveLength(15);
    expect(times[0]).toBe(startMs + (i + 1) * 1000);
  }
});

it("gives a fragment's media with the tags its producer gave it", async () => {
  const mkv = await makeMkv({ startMs: Date.now() - 10_000, seconds: 1 });
  const cluster = mkv.indexOf(Buffer.from('1f43b675', 'hex'));
  const given = [
    { name: 'event_id', value: '01JD4Q0000000000000000000A' },
    { name: 'event_type', value: 'motion' },
  ];
  const client = await PutMediaClient.open({ url: harness.service.url, streamName: StreamName });
  await client.finish(Buffer.concat([mkv.subarray(0, cluster), writeTags(given), mkv.subarray(cluster)]));
  const Fragments = (await listAll()).map(({ FragmentNumber }) => FragmentNumber ?? '');
  const answer = await archive.send(new GetMediaForFragmentListCommand({ StreamName, Fragments }));
  const tags: MkvTag[] = [];
  new MkvParser({
    header: () => undefined,
    fragmentStart: () => undefined,
    block: () => undefined,
    fragmentEnd: () => undefined,
    tags: (found) => tags.push(...found),
  }).push((await answer.Payload?.transformToByteArray()) ?? new Uint8Array());
  expect(tags).toEqual(expect.arrayContaining(given));
});

it('streams fragments with GetMedia as they are stored', async () => {
  await put(Date.now() - 10_000, 1);
  const answer = await live.send(
    new GetMediaCommand({ StreamName, StartSelector: { StartSelectorType: 'EARLIEST' } }),
  );
  const body = answer.Payload;
  if (!(body instanceof Readable)) throw new Error('no stream');
  const received: Buffer[] = [];
  let fragments = 0;
  const parser = new MkvParser({
    header: () => undefined,
    fragmentStart: () => undefined,
    block: () => undefined,
    fragmentEnd: () => undefined,
    tags: () => {
      fragments += 1;
    },
  });
  const [first] = (await once(body, 'data')) as [Buffer];
  parser.push(first);
  expect(fragments).toBe(1);
  await Promise.all([
    once(body, 'data').then(([chunk]) => received.push(chunk as Buffer)),
    put(Date.now() - 1000, 1),
  ]);
  expect(received[0]?.subarray(0, 4).toString('hex')).toBe('1a45dfa3');
  expect(received[0]?.includes('AWS_KINESISVIDEO_CONTINUATION_TOKEN')).toBe(true);
  body.destroy();
});

it('plays on demand: every frame of every track comes out as it went in', async () => {
  const startMs = Date.now() - 60_000;
  await put(startMs, 6, true);
  const url = await openHls(onDemand(startMs - 1, startMs + 10_000));
  const master = await fetchText(url);
  expect(master).toMatch(
    /#EXT-X-STREAM-INF:CODECS="avc1\.42c01e,mp4a\.40\.2",RESOLUTION=320x180,FRAME-RATE=15\.0,BANDWIDTH=\d+,AUDIO="audio"\ngetHLSMediaPlaylist\.m3u8\?SessionToken=[\w-]+&TrackNumber=1/,
  );
  const expected = await sent(true);
  for (const [i, playlistUrl] of mediaPlaylistUrls(url, master).entries()) {
    const playlist = await fetchPlaylist(playlistUrl);
    expect(playlist).toMatchObject({ vod: true, ended: true, mediaSequence: 1, targetSeconds: 1 });
    const [firstSegment] = playlist.segments;
    const file = Buffer.concat([
      await fetchBytes(firstSegment?.map ?? ''),
      ...(await Promise.all(playlist.segments.map((segment) => fetchBytes(segment.url)))),
    ]);
    const input = open({ source: new BufferSource(file), formats: [MP4] });
    const track = i === 0 ? await input.getPrimaryVideoTrack() : await input.getPrimaryAudioTrack();
    const { times, digests } = await packetsOf(track);
    expect(digests).toEqual(i === 0 ? expected.video : expected.audio);
    expect(Math.abs((times[0] ?? 0) - startMs)).toBeLessThan(60);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  }
});

it("is read by another player's HLS reader from its URL alone", async () => {
  const startMs = Date.now() - 60_000;
  await put(startMs);
  const url = await openHls(onDemand(startMs - 1, startMs + 10_000));
  const input = open({ source: new UrlSource(url), formats: [...HLS_FORMATS, ...ALL_FORMATS] });
  expect((await packetsOf(await input.getPrimaryVideoTrack())).digests).toEqual((await sent()).video);
});

it('plays live: a window of the newest fragments that moves on', async () => {
  const startMs = Date.now() - 6_000;
  await put(startMs);
  const url = await openHls({
    HLSFragmentSelector: { FragmentSelectorType: 'PRODUCER_TIMESTAMP' },
    DisplayFragmentTimestamp: 'ALWAYS',
    MaxMediaPlaylistFragmentResults: 3,
  });
  const before = await videoPlaylist(url);
  expect(before).toMatchObject({ mediaSequence: 1, ended: false, vod: false, targetSeconds: 1 });
  expect(before.segments.map(({ time }) => time)).toEqual(
    [3, 4, 5].map((second) => new Date(startMs + second * 1000).toISOString()),
  );
  expect(before.segments.some(({ discontinuity }) => discontinuity)).toBe(false);

  await put(startMs + 6000, 1);
  const after = await videoPlaylist(url);
  expect(after.mediaSequence).toBe(2);
  expect(after.segments.slice(0, 2).map((segment) => segment.url)).toEqual(
    before.segments.slice(1).map((segment) => segment.url),
  );
  expect(after.segments[0]?.map).toBe(before.segments[0]?.map);

  // Older than the newest one shown: it is not filled in.
  await put(startMs - 20_000, 1);
  expect(await videoPlaylist(url)).toEqual(after);
});

it('marks discontinuities: always for server times by default, or at gaps', async () => {
  const startMs = Date.now() - 9_000;
  await put(startMs, 2);
  await put(startMs + 5000, 2);
  const marks = async (input: Partial<GetHLSStreamingSessionURLInput>): Promise<boolean[]> =>
    (await videoPlaylist(await openHls(input))).segments.map(({ discontinuity }) => discontinuity);
  const byProducer = { HLSFragmentSelector: { FragmentSelectorType: 'PRODUCER_TIMESTAMP' as const } };
  expect(await marks({})).toEqual([false, true, true, true]);
  expect(await marks(byProducer)).toEqual([false, false, false, false]);
  expect(await marks({ ...byProducer, DiscontinuityMode: 'ON_DISCONTINUITY' })).toEqual([
    false,
    false,
    true,
    false,
  ]);
});

it('replays from a time, a fragment more for each that has elapsed', async () => {
  const startMs = Date.now() - 60_000;
  await put(startMs);
  const { HLSFragmentSelector } = onDemand(startMs, startMs + 10_000);
  const url = await openHls({
    PlaybackMode: 'LIVE_REPLAY',
    HLSFragmentSelector,
    MaxMediaPlaylistFragmentResults: 2,
  });
  const first = await videoPlaylist(url);
  expect(first).toMatchObject({ mediaSequence: 1, ended: false });
  expect(first.segments).toHaveLength(2);
  harness.clock.shift(2_500);
  expect((await videoPlaylist(url)).mediaSequence).toBe(3);
  harness.clock.shift(10_000);
  expect(await videoPlaylist(url)).toMatchObject({ mediaSequence: 5, ended: true });
});

it('shows the newest of fragments with equal producer times', async () => {
  const startMs = Date.now() - 60_000;
  await put(startMs, 2);
  await put(startMs, 2);
  const numbers = (await listAll()).map(({ FragmentNumber }) => FragmentNumber ?? '');
  const { segments } = await videoPlaylist(await openHls(onDemand(startMs, startMs + 10_000)));
  const shown = segments.map(({ url }) => new URL(url).searchParams.get('FragmentNumber'));
  expect(shown).toEqual([...numbers].sort().slice(2));
});

it('refuses playback after the session has expired, readable for a page of any origin', async () => {
  await put(Date.now() - 6_000);
  const url = await openHls({ Expires: 300 });
  const fine = await fetch(url);
  expect(fine.headers.get('access-control-allow-origin')).toBe('*');
  await fine.text();
  harness.clock.shift(301_000);
  const expired = await fetch(url);
  expect(expired.status).toBe(403);
  expect(expired.headers.get('access-control-allow-origin')).toBe('*');
  expect(await expired.text()).toContain('Streaming session token is expired');
});

it('keeps sessions and their sequence numbers over a restart', async () => {
  const startMs = Date.now() - 6_000;
  await put(startMs);
  const byProducer = { HLSFragmentSelector: { FragmentSelectorType: 'PRODUCER_TIMESTAMP' as const } };
  const url = await openHls({ ...byProducer, MaxMediaPlaylistFragmentResults: 2 });
  await put(startMs + 6000, 1);
  const before = await videoPlaylist(url);
  disconnect();
  const port = new URL(harness.service.url).port;
  await harness.restart();
  connect();
  const moved = url.replace(`:${port}/`, `:${new URL(harness.service.url).port}/`);
  expect((await videoPlaylist(moved)).mediaSequence).toBe(before.mediaSequence);
});

it('starts a new initialization where the tracks change', async () => {
  const startMs = Date.now() - 9_000;
  await put(startMs, 2, false);
  await put(startMs + 2000, 2, true);
  const byProducer = { HLSFragmentSelector: { FragmentSelectorType: 'PRODUCER_TIMESTAMP' as const } };
  const { segments } = await videoPlaylist(await openHls(byProducer));
  expect(segments.map(({ discontinuity }) => discontinuity)).toEqual([false, false, true, false]);
  expect(new Set(segments.map(({ map }) => map)).size).toBe(2);
  for (const { map } of segments) expect((await fetchBytes(map)).toString('latin1', 4, 8)).toBe('ftyp');
});

it.each<[string, Partial<GetHLSStreamingSessionURLInput>, string]>([
  ['a range with LIVE', { HLSFragmentSelector: range(0, 1000) }, 'InvalidArgumentException'],
  ['ON_DEMAND without a range', { PlaybackMode: 'ON_DEMAND' }, 'InvalidArgumentException'],
  ['a range of more than 24 hours', onDemand(0, 25 * 3_600_000), 'InvalidArgumentException'],
  ['a range that ends before it begins', onDemand(1000, 0), 'InvalidArgumentException'],
  ['Expires below 300', { Expires: 299 }, 'InvalidArgumentException'],
  ['Expires above 43200', { Expires: 43_201 }, 'InvalidArgumentException'],
  ['more than 5000 fragments', { MaxMediaPlaylistFragmentResults: 5001 }, 'InvalidArgumentException'],
  ['LIVE without a recent fragment', {}, 'ResourceNotFoundException'],
  ['ON_DEMAND without fragments in the range', onDemand(0, 1000), 'ResourceNotFoundException'],
])('refuses an HLS session: %s', async (_, input, name) => {
  await expect(openHls(input)).rejects.toMatchObject({ name });
});

it('refuses LIVE half a minute after the last fragment, and a stream without retention', async () => {
  await put(Date.now() - 6_000);
  await openHls();
  harness.clock.shift(32_000);
  await expect(openHls()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  await create({ StreamName: 'fleeting', DataRetentionInHours: 0 });
  await expect(openHls({ StreamName: 'fleeting' })).rejects.toMatchObject({
    name: 'NoDataRetentionException',
  });
});

it.each([
  ['ends in the future by server time', 'SERVER_TIMESTAMP', -1000, 60_000],
  ['spans more than 24 hours', 'PRODUCER_TIMESTAMP', -25 * 3_600_000, 0],
] as const)('refuses HLS and clips of a range that %s', async (_, FragmentSelectorType, from, to) => {
  const now = Date.now();
  const TimestampRange = { StartTimestamp: new Date(now + from), EndTimestamp: new Date(now + to) };
  const selector = { FragmentSelectorType, TimestampRange };
  const invalid = { name: 'InvalidArgumentException', $metadata: { httpStatusCode: 400 } };
  await expect(openHls({ PlaybackMode: 'LIVE_REPLAY', HLSFragmentSelector: selector })).rejects.toMatchObject(
    invalid,
  );
  await expect(
    archive.send(new GetClipCommand({ StreamName, ClipFragmentSelector: selector })),
  ).rejects.toMatchObject(invalid);
});

it('takes a range that ends in the future by producer time', async () => {
  const startMs = Date.now() - 10_000;
  await put(startMs, 2);
  await openHls({ ...onDemand(startMs, Date.now() + 60_000), PlaybackMode: 'LIVE_REPLAY' });
});

it('goes on behind the last page when the fragment that ended it has expired', async () => {
  const startMs = Date.now() - 10_000;
  await put(startMs, 1);
  // Numbers grow with the server's time: there is room for one that is gone.
  harness.clock.shift(1000);
  await put(startMs + 1000, 2);
  const [first, second, third] = (await listAll()).map(({ FragmentNumber }) => FragmentNumber ?? '');
  const behindFirst = Buffer.from(String(BigInt(first ?? 0) + 1n)).toString('base64url');
  const { Fragments } = await archive.send(new ListFragmentsCommand({ StreamName, NextToken: behindFirst }));
  expect(Fragments?.map(({ FragmentNumber }) => FragmentNumber)).toEqual([second, third]);
});

it('makes a clip: one MP4 file of the fragments that begin in the range', async () => {
  const startMs = Date.now() - 60_000;
  await put(startMs, 6, true);
  const answer = await archive.send(
    new GetClipCommand({ StreamName, ClipFragmentSelector: range(startMs + 500, startMs + 3500) }),
  );
  expect(answer.ContentType).toBe('video/mp4');
  const bytes = Buffer.from((await answer.Payload?.transformToByteArray()) ?? []);
  const input = open({ source: new BufferSource(bytes), formats: [MP4] });
  const [video, audio] = [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()];
  const { times, digests } = await packetsOf(video);
  expect(digests).toEqual((await sent(true)).video.slice(15, 60));
  expect(times[0]).toBeLessThan(100);
  expect(await video?.computeDuration()).toBeCloseTo(3, 0);
  expect((await packetsOf(audio)).digests.length).toBeGreaterThan(100);
  await expect(
    archive.send(new GetClipCommand({ StreamName, ClipFragmentSelector: range(0, 1000) })),
  ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});
