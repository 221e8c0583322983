import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CreateStreamCommand, DeleteStreamCommand, KinesisVideoClient } from '@aws-sdk/client-kinesis-video';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { AwsError } from '../kernel/aws-error.ts';
import { element, elementHeader, id, text, uint } from './mkv/ebml.ts';
import { accountKey, type Harness, region, startKinesisVideo } from './testing/harness.ts';
import { PutMediaClient } from './testing/put-media-client.ts';
import { makeMkv } from './testing/sample.ts';

const streamName = 'AOVIS-0001';
let harness: Harness;
let control: KinesisVideoClient;

async function start(
  options: Parameters<typeof startKinesisVideo>[0] = {},
  retentionHours = 24,
): Promise<void> {
  harness = await startKinesisVideo(options);
  control = new KinesisVideoClient({ region, endpoint: harness.service.url, credentials: accountKey });
  await control.send(
    new CreateStreamCommand({ StreamName: streamName, DataRetentionInHours: retentionHours }),
  );
}

async function restart(options: Parameters<typeof startKinesisVideo>[0], retentionHours = 24): Promise<void> {
  control.destroy();
  await harness.stop();
  await start(options, retentionHours);
}

beforeEach(() => start());
afterEach(async () => {
  control.destroy();
  await harness.stop();
});

const open = (headers: Record<string, string> = {}): Promise<PutMediaClient> =>
  PutMediaClient.open({ url: harness.service.url, streamName, headers });

/** Matroska by hand, for what a muxer would never write. */
function head(trackNumbers: readonly number[] = [1]): Buffer {
  const entries = trackNumbers.map((number) =>
    element(
      id.trackEntry,
      uint(id.trackNumber, number),
      uint(id.trackType, 1),
      text(id.codecId, 'V_MPEG4/ISO/AVC'),
    ),
  );
  return Buffer.concat([
    element(id.ebml, text(id.docType, 'matroska')),
    elementHeader(id.segment),
    element(id.info, uint(id.timecodeScale, 1_000_000)),
    element(id.tracks, ...entries),
  ]);
}

const cluster = (timecode: number, ...blocks: Buffer[]): Buffer =>
  Buffer.concat([elementHeader(id.cluster), uint(id.timecode, timecode), ...blocks]);

function block(relativeMs: number, track = 1, data: Uint8Array = Buffer.from('frame')): Buffer {
  const start = Buffer.from([0x80 | track, 0, 0, 0x80]);
  start.writeInt16BE(relativeMs, 1);
  return element(id.simpleBlock, start, Buffer.from(data));
}

const tags = (...pairs: [string, string][]): Buffer =>
  element(
    id.tags,
    element(
      id.tag,
      ...pairs.map(([name, value]) =>
        element(id.simpleTag, text(id.tagName, name), text(id.tagString, value)),
      ),
    ),
  );

it('acknowledges each fragment as BUFFERING, RECEIVED and PERSISTED, in flat lines', async () => {
  const startMs = Date.now() - 6_000;
  const client = await open();
  const acks = await client.finish(await makeMkv({ startMs }));

  expect((await client.response()).statusCode).toBe(200);
  const numbers = [...new Set(acks.map((ack) => ack.FragmentNumber))];
  expect(numbers).toHaveLength(6);
  for (const number of numbers) {
    expect(number).toMatch(/^[0-9]{47}$/);
    expect(acks.filter((ack) => ack.FragmentNumber === number).map((ack) => ack.EventType)).toEqual([
      'BUFFERING',
      'RECEIVED',
      'PERSISTED',
    ]);
  }
  expect(numbers).toEqual(numbers.map(String).sort());
  expect(acks.filter((ack) => ack.EventType === 'RECEIVED').map((ack) => ack.FragmentTimecode)).toEqual(
    [0, 1000, 2000, 3000, 4000, 5000].map((ms) => startMs + ms),
  );
});

it('says BUFFERING before the fragment is whole and RECEIVED as soon as tags close it', async () => {
  const now = Date.now();
  const client = await open();
  client.write(Buffer.concat([head(), cluster(now)]));
  const buffering = await client.waitFor((ack) => ack.EventType === 'BUFFERING');
  expect(client.acks).toHaveLength(1);
  client.write(Buffer.concat([block(0), block(40)]));
  client.write(tags(['AWS_KINESISVIDEO_END_OF_FRAGMENT', '']));
  const persisted = await client.waitFor((ack) => ack.EventType === 'PERSISTED');
  expect(persisted.FragmentNumber).toBe(buffering.FragmentNumber);
  await client.finish();
});

it('takes a request signed as if its body were empty', async () => {
  const client = await PutMediaClient.open({ url: harness.service.url, streamName, payload: 'empty' });
  expect(await client.finish(Buffer.concat([head(), cluster(1000, block(0))]))).toHaveLength(3);
});

it('refuses a signature of another key', async () => {
  const key = { ...accountKey, secretAccessKey: 'wrong' };
  const client = await PutMediaClient.open({ url: harness.service.url, streamName, key });
  expect((await client.response()).statusCode).toBe(403);
  await client.ended();
});

it('counts relative timecodes from the start timestamp', async () => {
  const client = await open({
    'x-amzn-fragment-timecode-type': 'RELATIVE',
    'x-amzn-producer-start-timestamp': '1600994737.365',
  });
  const acks = await client.finish(Buffer.concat([head(), cluster(2000, block(0), block(40))]));
  expect(acks.map((ack) => ack.FragmentTimecode)).toEqual([2000, 2000, 2000]);
  const status = harness.admin('GET /_local/kinesis-video/streams/{streamName}', { streamName });
  expect(status).toMatchObject({
    lastFragments: [{ producerTime: '2020-09-25T00:45:39.365Z', lengthMs: 80 }],
  });
});

it('gives no PERSISTED without retention', async () => {
  await restart({}, 0);
  const acks = await (await open()).finish(Buffer.concat([head(), cluster(1000, block(0))]));
  expect(acks.map((ack) => ack.EventType)).toEqual(['BUFFERING', 'RECEIVED']);
});

it.each([
  [
    '4001',
    'MAX_FRAGMENT_SIZE_REACHED',
    [head(), cluster(1000), elementHeader(id.simpleBlock, 51 * 1024 * 1024)],
  ],
  ['4002', 'MAX_FRAGMENT_DURATION_REACHED', [head(), cluster(1000, block(0), block(20_001))]],
  [
    '4004',
    'FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS',
    [head(), cluster(1000, block(0), block(900)), cluster(1900, block(0))],
  ],
  ['4007', 'INVALID_PRODUCER_TIMESTAMP', [head(), cluster(Date.now() + 25 * 3_600_000, block(0))]],
  [
    '4009',
    'FRAGMENT_METADATA_LIMIT_REACHED',
    [head(), tags(...Array.from({ length: 11 }, (_, i): [string, string] => [`t${i}`, ''])), cluster(0)],
  ],
  ['4010', 'TRACK_NUMBER_MISMATCH', [head(), cluster(1000, block(0, 2))]],
  ['4011', 'FRAMES_MISSING_FOR_TRACK', [head([1, 2]), cluster(1000, block(0)), cluster(2000)]],
  ['4012', 'MORE_THAN_ALLOWED_TRACKS_FOUND', [head([1, 2, 3, 4])]],
])('answers %s %s and ends the response', async (errorId, name, parts: Buffer[]) => {
  const client = await open();
  client.write(Buffer.concat(parts));
  await client.ended();
  expect(client.acks.at(-1)).toMatchObject({ EventType: 'ERROR', ErrorCode: name, ErrorId: Number(errorId) });
});

it.each([
  ['garbage', [Buffer.from('this is no Matroska at all')]],
  ['a second Segment', [head(), cluster(1000, block(0)), head()]],
  ['a cluster without tracks', [head().subarray(0, head().length - 60), cluster(1000, block(0))]],
  ['an attachment', [head(), element(0x1941a469, Buffer.alloc(8))]],
  ['tracks that change', [head(), cluster(1000, block(0)), element(id.tracks, Buffer.alloc(0))]],
  ['a WebM document', [element(id.ebml, text(id.docType, 'webm'))]],
  ['a body that ends in a block', [head(), cluster(1000), block(0).subarray(0, 12)]],
])('answers 4006 INVALID_MKV_DATA to %s, without timecode or number', async (_, parts: Buffer[]) => {
  const client = await open();
  const acks = await client.finish(Buffer.concat(parts));
  expect(acks.at(-1)).toEqual({ EventType: 'ERROR', ErrorCode: 'INVALID_MKV_DATA', ErrorId: 4006 });
});

it('answers 4008 when the stream is deleted under a connection', async () => {
  const client = await open();
  client.write(Buffer.concat([head(), cluster(1000, block(0))]));
  await client.waitFor((ack) => ack.EventType === 'BUFFERING');
  const status = harness.admin('GET /_local/kinesis-video');
  const { streams } = status as { streams: { arn: string }[] };
  await control.send(new DeleteStreamCommand({ StreamARN: streams[0]?.arn }));
  await client.ended();
  expect(client.acks.at(-1)).toMatchObject({ EventType: 'ERROR', ErrorId: 4008 });
});

it('forgets streams, connections and media on reset', async () => {
  const client = await open();
  client.write(Buffer.concat([head(), cluster(1000, block(0)), cluster(2000)]));
  await client.waitFor((ack) => ack.EventType === 'PERSISTED');
  harness.store.reset();
  await harness.service.reset();
  await client.ended();
  expect(client.acks.at(-1)).toMatchObject({ EventType: 'ERROR', ErrorId: 4008 });
  expect(readdirSync(join(harness.directory, 'media', 'streams'))).toEqual([]);
});

it('answers 4003 when a connection is too old', async () => {
  await restart({ limits: { maxAgeMs: 50 } });
  const client = await open();
  await client.ended();
  expect(client.acks).toEqual([
    { EventType: 'ERROR', ErrorCode: 'MAX_CONNECTION_DURATION_REACHED', ErrorId: 4003 },
  ]);
});

it('says IDLE while nothing comes and then ends the response', async () => {
  await restart({ limits: { idleEveryMs: 20, idleEndMs: 100 } });
  const client = await open();
  client.write(Buffer.concat([head(), cluster(1000, block(0))]));
  await client.ended();
  expect(client.acks).toContainEqual({ EventType: 'IDLE', FragmentTimecode: 1000 });
  expect(client.acks.some((ack) => ack.EventType === 'ERROR')).toBe(false);
});

it('cuts a producer that goes on sending after the end', async () => {
  await restart({ limits: { maxAgeMs: 50, lingerMs: 20 } });
  const client = await open();
  const gone = new Promise<void>((resolve) => {
    client.request.once('close', resolve);
  });
  await client.response();
  await gone;
});

it('keeps what is whole when a connection breaks, and nothing else', async () => {
  const now = Date.now() - 5_000;
  const client = await open();
  client.write(Buffer.concat([head(), cluster(now, block(0), block(500)), cluster(now + 1000, block(0))]));
  await client.waitFor((ack) => ack.EventType === 'PERSISTED');
  client.request.destroy();
  const again = await open();
  const acks = await again.finish(Buffer.concat([head(), cluster(now + 1000, block(0), block(500))]));
  expect(acks.map((ack) => ack.EventType)).toEqual(['BUFFERING', 'RECEIVED', 'PERSISTED']);
});

it.each([
  [{ 'x-amzn-fragment-timecode-type': 'SOMETIMES' }, 400, 'InvalidArgumentException'],
  [{ 'x-amzn-producer-start-timestamp': '2026-11-01T00:00:00Z' }, 400, 'InvalidArgumentException'],
  [
    { 'x-amzn-stream-arn': 'arn:aws:kinesisvideo:eu-central-1:123456789012:stream/x/1' },
    400,
    'InvalidArgumentException',
  ],
  [{ 'x-amzn-stream-name': 'nobody' }, 404, 'ResourceNotFoundException'],
])('refuses headers %j with %i %s', async (headers: Record<string, string>, status, code) => {
  const client = await open(headers);
  const response = await client.response();
  expect(response.statusCode).toBe(status);
  expect(response.headers['x-amz-errortype']).toBe(code);
  await client.ended();
});

it('names request id and error type as the PutMedia page does, also where a signature is refused', async () => {
  const stranger = await PutMediaClient.open({
    url: harness.service.url,
    streamName,
    key: { ...accountKey, secretAccessKey: 'wrong' },
  });
  const refused = (await stranger.response()).headers;
  expect(refused).toMatchObject({
    'x-amz-errortype': 'InvalidSignatureException',
    'x-amzn-errortype': 'InvalidSignatureException',
    'x-amz-requestid': expect.any(String),
  });
  expect(refused['x-amzn-requestid']).toBe(refused['x-amz-requestid']);
  await stranger.ended();
  const client = await open();
  expect((await client.response()).headers['x-amz-requestid']).toEqual(expect.any(String));
  await client.finish();
});

it('limits a role to the streams it may use', async () => {
  const asked: string[] = [];
  await restart({
    authorize(principal, action, resource) {
      asked.push(`${principal.kind} ${action} ${resource}`);
      if (principal.kind === 'role') throw new AwsError('AccessDeniedException', 403, 'not yours');
    },
  });
  const key = {
    accessKeyId: 'ASIAROLE',
    secretAccessKey: 'role secret',
    sessionToken: 'token',
    expiresAt: Date.now() + 60_000,
    principal: {
      kind: 'role',
      accessKeyId: 'ASIAROLE',
      roleName: 'board',
      thingName: 'other',
      certificateId: 'c',
    } as const,
  };
  harness.accessKeys.add(key);
  const refused = await PutMediaClient.open({ url: harness.service.url, streamName, key });
  expect((await refused.response()).statusCode).toBe(403);
  await refused.ended();
  expect(asked.at(-1)).toMatch(
    /^role kinesisvideo:PutMedia arn:aws:kinesisvideo:eu-central-1:123456789012:stream\/AOVIS-0001\/\d+$/,
  );
  harness.accessKeys.expireTemporary(Date.now() - 1);
  const expired = await PutMediaClient.open({ url: harness.service.url, streamName, key });
  expect((await expired.response()).statusCode).toBe(403);
  await expired.ended();
});

it('lets two connections overlap, refuses a third and ends the first', async () => {
  await restart({ overlapMs: 50 });
  const [first, second] = [await open(), await open()];
  await Promise.all([first.response(), second.response()]);
  const third = await open();
  expect((await third.response()).headers['x-amz-errortype']).toBe('ConnectionLimitExceededException');
  await Promise.all([third.ended(), first.ended()]);
  expect(await second.finish(Buffer.concat([head(), cluster(1000, block(0))]))).toHaveLength(3);
});

it('takes one connection at a time under the strict policy', async () => {
  await restart({ connectionPolicy: 'strict' });
  const first = await open();
  await first.response();
  const second = await open();
  expect((await second.response()).statusCode).toBe(400);
  await second.ended();
  await first.finish();
  const third = await open();
  expect((await third.response()).statusCode).toBe(200);
  await third.finish();
});

it('takes five PutMedia calls a second and stream', async () => {
  for (let i = 0; i < 5; i += 1) await (await open()).finish();
  const sixth = await open();
  expect((await sixth.response()).headers['x-amz-errortype']).toBe('ClientLimitExceededException');
  await sixth.ended();
});

const threeFragments = (): Buffer =>
  Buffer.concat([head(), ...[1000, 2000, 3000].map((timecode) => cluster(timecode, block(0), block(500)))]);

it('fault cut-media: breaks the connection after so many fragments', async () => {
  harness.faults.add({
    service: 'kinesis-video',
    operation: 'PutMediaSession',
    subject: streamName,
    effect: { kind: 'custom', name: 'cut-media', value: { afterFragments: 2 } },
    times: 1,
  });
  const client = await open();
  client.write(threeFragments());
  await client.ended();
  expect(client.acks.filter((ack) => ack.EventType === 'ERROR')).toEqual([]);
  const acks = await (await open()).finish(threeFragments());
  expect(acks.filter((ack) => ack.EventType === 'PERSISTED')).toHaveLength(3);
});

it('fault error-ack: answers any error id for a fragment', async () => {
  harness.faults.add({
    service: 'kinesis-video',
    operation: 'PutMediaFragment',
    effect: { kind: 'custom', name: 'error-ack', value: { errorId: 4500 } },
    times: 1,
  });
  const client = await open();
  client.write(threeFragments());
  await client.ended();
  expect(client.acks.map((ack) => ack.ErrorCode ?? ack.EventType)).toEqual([
    'BUFFERING',
    'KMS_KEY_ACCESS_DENIED',
  ]);
  expect(client.acks[1]?.FragmentNumber).toBe(client.acks[0]?.FragmentNumber);
});

it('faults delay-ack and withhold-persisted: acknowledge late, or not to the end, in order', async () => {
  const add = (name: string, value: { ms: number } | Record<string, never>): string =>
    harness.faults.add({
      service: 'kinesis-video',
      operation: 'PutMediaFragment',
      effect: { kind: 'custom', name, value },
      times: 1,
    });
  add('delay-ack', { ms: 30 });
  add('withhold-persisted', {});
  const acks = await (await open()).finish(threeFragments());
  const [first, second] = [...new Set(acks.map((ack) => ack.FragmentNumber))];
  const of = (number: string | undefined): string[] =>
    acks.filter((ack) => ack.FragmentNumber === number).map((ack) => ack.EventType);
  expect(of(first)).toEqual(['BUFFERING', 'RECEIVED', 'PERSISTED']);
  expect(of(second)).toEqual(['BUFFERING', 'RECEIVED']);
  expect(acks[0]?.FragmentNumber).toBe(first);
});

it('faults error and drop: refuse or break one stream at the door', async () => {
  const add = (
    effect: { kind: 'error'; status: number; code: string; message: string } | { kind: 'drop' },
  ): string =>
    harness.faults.add({
      service: 'kinesis-video',
      operation: 'PutMedia',
      subject: streamName,
      effect,
      times: 1,
    });
  add({ kind: 'error', status: 503, code: 'ServiceUnavailable', message: 'try later' });
  const refused = await open();
  expect((await refused.response()).statusCode).toBe(503);
  await refused.ended();
  add({ kind: 'drop' });
  const dropped = await open();
  await expect(dropped.response()).rejects.toThrow();
  await dropped.ended();
});
