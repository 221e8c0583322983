import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../host/clock.ts';
import { createLogger } from '../host/logger.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { StreamUploader, type StreamUploaderOptions } from './stream-uploader.ts';
import { ManualCamera } from './testing/pictures.ts';
import { PutMediaServer } from './testing/put-media-server.ts';

/** Connections a second and stream that the service allows (Developer Guide, "Limits"). */
const quotaPerSecond = 5;

/** The uploader against a server on loopback, with real sockets and real time. */
let server: PutMediaServer;
let camera: ManualCamera;
let uploader: StreamUploader;
let states: string[];

beforeEach(async () => {
  server = new PutMediaServer();
  await server.start();
  camera = new ManualCamera(1_700_000_000_000);
  states = [];
});

afterEach(async () => {
  server.releasePersisted();
  await Promise.all([uploader.stop(), server.stop()]);
});

async function start(options: Partial<StreamUploaderOptions> = {}): Promise<void> {
  uploader = new StreamUploader({
    camera,
    streamName: 'aovis-stream-aovis-n4k-000001',
    region: 'eu-central-1',
    endpoint: server.url,
    credentials: {
      forget: () => undefined,
      get: () =>
        Promise.resolve({
          accessKeyId: 'AKIDEXAMPLE',
          secretAccessKey: 'secret',
          sessionToken: 'token',
          expiresAt: new Date(Date.now() + 3_600_000),
        }),
    },
    userAgent: 'aovis-agent/test',
    clock: systemClock,
    logger: createLogger({ level: 'silent' }),
    random: Math.random,
    randomBytes,
    onChange: ({ state }) => {
      states.push(state);
      server.emit('change');
    },
    ...options,
  });
  await uploader.start(new AbortController().signal);
}

/** Delivers groups of pictures until the server has seen `count` fragments of this run; gives their timecodes. */
async function deliverGroups(count: number): Promise<number[]> {
  const timecodes: number[] = [];
  for (let i = 0; i < count; i++) {
    timecodes.push(camera.deliverGroup());
    await server.until(() => server.fragments.some(({ timecodeMs }) => timecodeMs === timecodes.at(-1)));
  }
  return timecodes;
}

/** Waits until the uploader announces this state. */
const reached = (state: string): Promise<void> => server.until(() => states.at(-1) === state);

/** Waits until the uploader has heard of so many PERSISTED that only `count` fragments are left. */
async function left(count: number): Promise<void> {
  while (uploader.status().bufferedFragments > count) await new Promise((resolve) => setImmediate(resolve));
}

const arrivals = (): Map<number, number> => {
  const counts = new Map<number, number>();
  for (const { timecodeMs, complete } of server.fragments) {
    if (complete) counts.set(timecodeMs, (counts.get(timecodeMs) ?? 0) + 1);
  }
  return counts;
};

it('brings every picture to PERSISTED and ends properly', async () => {
  await start();
  const timecodes = await deliverGroups(4);
  await server.until(() => server.persisted.length === 3);
  await uploader.stop();
  expect(server.persisted).toEqual(timecodes);
  expect(server.fragments.map(({ blocks }) => blocks)).toEqual([15, 15, 15, 15]);
  expect(server.endOfFragmentTags).toEqual([0]);
  expect(uploader.status()).toMatchObject({ state: 'off', dropped_fragments: 0, bufferedFragments: 0 });
  expect(states).toEqual(['starting', 'streaming', 'off']);
  expect(camera.listeners).toBe(0);
});

it('signs with the headers that PutMedia asks for', async () => {
  await start();
  await deliverGroups(1);
  const { headers } = server.attempts[0] as (typeof server.attempts)[0];
  expect(headers).toMatchObject({
    'x-amzn-stream-name': 'aovis-stream-aovis-n4k-000001',
    'x-amzn-producer-start-timestamp': '1700000000.000',
    'x-amzn-fragment-timecode-type': 'ABSOLUTE',
    'x-amzn-fragment-acknowledgment-required': '1',
    'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
    'x-amz-security-token': 'token',
    'transfer-encoding': 'chunked',
  });
  expect(headers['content-length']).toBeUndefined();
});

it('sends a picture as it comes, not a fragment', async () => {
  await start();
  camera.deliver();
  await server.until(() => server.fragments[0]?.blocks === 1);
  camera.deliver();
  await server.until(() => server.fragments[0]?.blocks === 2);
  expect(server.fragments[0]?.complete).toBe(false);
});

it('sends a fragment again whose connection was cut in the middle, and nothing twice', async () => {
  await start();
  const before = await deliverGroups(2);
  await left(1);
  server.behaviour.cut = { fragment: 2, blocks: 7 };
  const after = await deliverGroups(4);
  await uploader.stop();
  expect(server.persisted).toEqual([...before, ...after]);
  expect([...arrivals()]).toEqual([...before, ...after].map((timecode) => [timecode, 1]));
  expect(server.attempts).toHaveLength(2);
});

it('loses nothing while the host is away, and comes back by itself', async () => {
  await start();
  const before = await deliverGroups(2);
  await left(1);
  await server.stop();
  const during = [camera.deliverGroup(), camera.deliverGroup(), camera.deliverGroup()];
  await server.start();
  await server.until(() => server.persisted.length >= 4);
  const after = await deliverGroups(1);
  await uploader.stop();
  expect(server.persisted).toEqual([...before, ...during, ...after]);
  expect(uploader.status().dropped_fragments).toBe(0);
});

it('sends again after a dead host what had not been persisted', async () => {
  await start();
  server.behaviour.holdPersisted = true;
  const timecodes = await deliverGroups(3);
  await server.until(() => arrivals().size === 2);
  await server.stop();
  server.behaviour.holdPersisted = false;
  await server.start();
  await server.until(() => server.persisted.length >= 2);
  await uploader.stop();
  expect(server.persisted).toEqual(timecodes);
});

it('does not send again what a living host has received', async () => {
  await start();
  server.behaviour.endAfter = 1;
  const timecodes = await deliverGroups(4);
  await uploader.stop();
  expect(server.persisted).toEqual(timecodes);
  expect([...arrivals().values()].every((count) => count === 1)).toBe(true);
});

it('gives up the one fragment that the service refuses', async () => {
  await start();
  server.behaviour.error = {
    fragment: 1,
    id: 4_004,
    code: 'FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS',
    withTimecode: true,
  };
  const timecodes = await deliverGroups(4);
  await uploader.stop();
  expect(server.persisted).toEqual(timecodes.filter((_, index) => index !== 1));
  expect(uploader.status().dropped_fragments).toBe(1);
});

it('gets through a storm of refusals, with the attempts the quota allows, and loses nothing', async () => {
  server.behaviour.refuse = (attempt) =>
    attempt < 6
      ? { status: attempt % 2 === 0 ? 400 : 503, exception: 'ClientLimitExceededException' }
      : undefined;
  // The shortest waits there can be.
  await start({ random: () => 0 });
  const timecodes = [camera.deliverGroup(), camera.deliverGroup(), camera.deliverGroup()];
  await server.until(() => server.persisted.length >= 2);
  await uploader.stop();
  expect(server.persisted).toEqual(timecodes);
  const times = server.attempts.map(({ at }) => at);
  expect(times).toHaveLength(7);
  // The spacing itself is proven with a fake clock (upload-loop.test.ts); this is what the service counts.
  for (let i = quotaPerSecond; i < times.length; i++)
    expect((times[i] as number) - (times[i - quotaPerSecond] as number)).toBeGreaterThan(1_000);
});

it('says what a person must do, and what is kept meanwhile', async () => {
  server.behaviour.refuse = () => ({ status: 403, exception: 'AccessDeniedException' });
  await start();
  camera.deliverGroup();
  await server.until(() => server.attempts.length === 1);
  await reached('failed');
  expect(uploader.status()).toMatchObject({
    state: 'failed',
    bufferedFragments: 1,
    lastError:
      'PutMedia was refused with 403 AccessDeniedException. In the role of the board allow kinesisvideo:GetDataEndpoint, PutMedia and ListFragments on its stream.',
  });
  expect(uploader.health().ok).toBe(false);
});

it('drops the oldest groups of pictures when the uplink is gone for longer than the buffer lasts', async () => {
  await server.stop();
  await start({ limits: { maxDurationMs: 3_000 } });
  const timecodes = Array.from({ length: 8 }, () => camera.deliverGroup());
  expect(uploader.status()).toMatchObject({ bufferedFragments: 3, dropped_fragments: 5 });
  await server.start();
  await server.until(() => server.persisted.length >= 2);
  await uploader.stop();
  expect(server.persisted).toEqual(timecodes.slice(-3));
});

it('is not well before its first fragment and while the service cannot be reached, though it goes on trying', async () => {
  await server.stop();
  await start({ random: () => 0 });
  expect(uploader.health().ok).toBe(false);
  camera.deliverGroup();
  await reached('waiting');
  expect(uploader.health()).toMatchObject({
    ok: false,
    detail: expect.stringContaining('check the uplink'),
  });
  await server.start();
  await deliverGroups(2);
  await reached('streaming');
  expect(uploader.health()).toEqual({ ok: true, detail: 'Fragments are stored as they come.' });
  await uploader.setEnabled(false);
  expect(uploader.health()).toEqual({ ok: true, detail: 'No pictures are wanted.' });
});

it('sends in mode on_event from before the event, and nothing without one', async () => {
  await start({ mode: 'on_event' });
  const timecodes = Array.from({ length: 14 }, () => camera.deliverGroup());
  expect(server.attempts).toHaveLength(0);
  expect(uploader.health()).toEqual({
    ok: true,
    detail: expect.stringMatching(/^The stream waits for an event/),
  });
  uploader.trigger({ id: '01JD4Q0000000000000000000A', type: 'motion' });
  await server.until(() => server.persisted.length >= 9);
  await uploader.stop();
  expect(server.persisted[0]).toBe(timecodes[3]);
  expect(server.persisted.at(-1)).toBe(timecodes[13]);
  expect(uploader.status().dropped_fragments).toBe(0);
  expect(server.fragments.every(({ tags }) => tags.join() === 'event_id,event_type')).toBe(true);
});

it('tags what follows an event while it streams anyway, and holds again once the event is over', async () => {
  await start();
  await deliverGroups(1);
  uploader.trigger({ id: '01JD4Q0000000000000000000A', type: 'alarm' }, 0);
  await deliverGroups(1);
  uploader.trigger({ id: '01JD4Q0000000000000000000B', type: 'alarm' });
  await deliverGroups(2);
  expect(server.fragments.map(({ tags }) => tags.length)).toEqual([0, 0, 2, 2]);
});

it('says how far behind it is on an uplink that carries too little', async () => {
  await start();
  server.behaviour.holdPersisted = true;
  await deliverGroups(12);
  expect(uploader.health()).toEqual({
    ok: true,
    detail: expect.stringMatching(/^The stream is 1\d s behind\. .* lower camera\.bitrate_bps/),
  });
});

it('says why the camera delivers no pictures', async () => {
  await start();
  expect(uploader.status()).not.toHaveProperty('lastError');
  camera.problem = 'The program ffmpeg was not found.';
  expect(uploader.status()).toMatchObject({ state: 'starting', lastError: camera.problem });
  camera.deliver();
  expect(uploader.status()).not.toHaveProperty('lastError');
});

it('rests while it is off or disabled', async () => {
  await start();
  await deliverGroups(1);
  await uploader.setMode('off');
  expect([camera.listeners, uploader.status().state, server.persisted.length]).toEqual([0, 'off', 1]);
  await uploader.setMode('continuous');
  await deliverGroups(1);
  await uploader.setEnabled(false);
  expect([camera.listeners, uploader.status().state, server.persisted.length]).toEqual([0, 'off', 2]);
  await uploader.setEnabled(true);
  expect(camera.listeners).toBe(1);
});

describe('with a disk', () => {
  let directory: string;
  let disk: StreamUploaderOptions['disk'] & object;
  beforeEach(async () => {
    directory = join(await temporaryDirectory(), 'video');
    disk = { directory, maxBytes: 1e9, freeBytes: () => undefined };
    camera = new ManualCamera(Date.now());
  });

  it('sends after a restart what the run before could not, and nothing twice', async () => {
    await start({ disk });
    const before = await deliverGroups(2);
    await left(1);
    await server.stop();
    const during = [camera.deliverGroup(), camera.deliverGroup(), camera.deliverGroup()];
    await uploader.stop();
    expect(await readdir(directory)).toHaveLength(4);

    await server.start();
    // One of them had reached the service after all: it was its acknowledgement that was lost.
    server.persisted.push(during[0] as number);
    await start({ disk });
    const after = await deliverGroups(1);
    expect(server.persisted).not.toContain(during[1]);
    uploader.sendKept();
    await deliverGroups(1);
    await server.until(() => [...during, ...after].every((timecode) => server.persisted.includes(timecode)));
    await uploader.stop();
    expect(new Set(server.persisted).size).toBe(server.persisted.length);
    expect(server.persisted).toEqual(expect.arrayContaining([...before, ...during, ...after]));
    expect(arrivals().get(during[0] as number)).toBeUndefined();
    expect(await readdir(directory)).toEqual([]);
    expect(uploader.status()).toMatchObject({ bufferedFragments: 0, diskBytes: 0, dropped_fragments: 0 });
  }, 20_000);
});
