import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { systemClock } from '../host/clock.ts';
import { createLogger } from '../host/logger.ts';
import { StreamUploader } from './stream-uploader.ts';
import { ManualCamera } from './testing/pictures.ts';
import { PutMediaServer } from './testing/put-media-server.ts';
import { Uplink, type UplinkConditions } from './testing/uplink.ts';

jest.setTimeout(30_000);

/** The uploader, a bad uplink, a server; real sockets and real time. */
let server: PutMediaServer;
let uplink: Uplink;
let camera: ManualCamera;
let uploader: StreamUploader;

beforeEach(async () => {
  server = new PutMediaServer();
  await server.start();
  uplink = await Uplink.open(server.url);
  server.dataEndpoint = uplink.url;
  camera = new ManualCamera(1_700_000_000_000);
  const credentials = {
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'secret',
    sessionToken: 'token',
    expiresAt: new Date(Date.now() + 3_600_000),
  };
  uploader = new StreamUploader({
    camera,
    streamName: 'aovis-stream-aovis-n4k-000001',
    region: 'eu-central-1',
    endpoint: uplink.url,
    credentials: { forget: () => undefined, get: () => Promise.resolve(credentials) },
    userAgent: 'aovis-agent/test',
    clock: systemClock,
    logger: createLogger({ level: 'silent' }),
    random: Math.random,
    randomBytes,
  });
  await uploader.start(new AbortController().signal);
});

afterEach(async () => {
  await uploader.stop();
  await Promise.all([uplink.close(), server.stop()]);
});

/** Delivers groups of pictures, each when the one before has arrived; gives their timecodes. */
async function deliverGroups(count: number): Promise<number[]> {
  const timecodes: number[] = [];
  for (let i = 0; i < count; i++) {
    timecodes.push(camera.deliverGroup());
    await server.until(() => server.fragments.some(({ timecodeMs }) => timecodeMs === timecodes.at(-1)));
  }
  return timecodes;
}

it.each<[string, UplinkConditions]>([
  ['500 ms there and back', { roundTripMs: 500 }],
  ['5 % of the packets lost', { roundTripMs: 100, lossRate: 0.05 }],
  ['a narrow way', { bitsPerSecond: 1_000_000 }],
])('brings every fragment once over %s', async (_name, conditions) => {
  uplink.conditions = conditions;
  const timecodes = await deliverGroups(5);
  await uploader.stop();
  expect(server.persisted).toEqual(timecodes);
  expect(server.attempts).toHaveLength(1);
});

it('sends what waited when a way that was silent carries again, over the same connection', async () => {
  const before = await deliverGroups(2);
  uplink.fallSilent();
  const during = [camera.deliverGroup(), camera.deliverGroup()];
  uplink.comeBack();
  await server.until(() => server.persisted.length >= 3);
  await uploader.stop();
  expect(server.persisted).toEqual([...before, ...during]);
  expect(server.attempts).toHaveLength(1);
});

it('comes back by itself when the network has said that there is no way', async () => {
  const before = await deliverGroups(2);
  uplink.breakOff();
  const during = [camera.deliverGroup(), camera.deliverGroup(), camera.deliverGroup()];
  // The agent has tried in vain at least once.
  const tried = uplink.connections.length;
  while (uplink.connections.length === tried) await new Promise((resolve) => setImmediate(resolve));
  uplink.comeBack();
  await server.until(() => server.persisted.length >= 4);
  await uploader.stop();
  expect(server.persisted).toEqual([...before, ...during]);
  expect(uploader.status().dropped_fragments).toBe(0);
});
