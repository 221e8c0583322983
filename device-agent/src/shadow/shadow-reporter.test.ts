import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReportedState } from '@aovis/contracts/shadow';
import { shadowTopicPrefix } from '@aovis/contracts/topics';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { createLogger } from '../host/logger.ts';
import { FakeIotConnection } from '../iot/testing/fake-iot-connection.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { until } from '../testing/until.ts';
import { ShadowClient } from './shadow-client.ts';
import { ShadowReporter } from './shadow-reporter.ts';
import { FakeShadowService } from './testing/fake-shadow-service.ts';

/** Every report is fsynced; a busy disk takes its time. */
jest.setTimeout(30_000);

const thing = 'aovis-n4k-000123';
const logger = createLogger({ level: 'silent' });
const never = new AbortController().signal;

let clock: FakeClock;
let connection: FakeIotConnection;
let service: FakeShadowService;
let reporter: ShadowReporter;
let cachePath: string;
let state: ReportedState;

beforeEach(async () => {
  clock = new FakeClock();
  connection = new FakeIotConnection();
  service = new FakeShadowService(connection, shadowTopicPrefix(thing));
  cachePath = join(await temporaryDirectory(), 'reported-state.json');
  state = {
    agent: { version: '1.0.0', uptime_s: 1, boot_id: 'B' },
    board: { model: 'n4k', firmware: '1', os: 'Linux' },
    stream: { state: 'starting', dropped_fragments: 0 },
    health: { rss_bytes: 1, cpu_pct: 1 },
  };
  reporter = createReporter();
});

afterEach(async () => {
  await reporter.stop();
});

function createReporter(): ShadowReporter {
  let tokens = 0;
  const newToken = (): string => `token-${++tokens}`;
  const client = new ShadowClient({ connection, clock, logger, thing, newToken });
  const collect = (): ReportedState => state;
  return new ShadowReporter({ client, connection, clock, logger, random: () => 0.5, collect, cachePath });
}

async function connectedReporter(): Promise<void> {
  await reporter.start(never);
  connection.connect();
  await until(() => service.updates.length === 1 && clock.pending.length > 0);
}

const patches = (): object[] => service.updates.map(({ reported }) => reported);

/** Lets time pass and waits for what the reporter writes to disk meanwhile. */
async function pass(ms: number): Promise<void> {
  await clock.advance(ms);
  await until(() => clock.pending.length > 0);
}

it('reports everything to a shadow that does not exist yet', async () => {
  await connectedReporter();
  expect(service.reported).toEqual(state);
  expect(reporter.version).toBe(1);
  expect(reporter.health().ok).toBe(true);
});

it('reads first and reports only what differs, deleting what is gone', async () => {
  service.reported = {
    ...JSON.parse(JSON.stringify(state)),
    camera: { source: 'old' },
    health: { rss_bytes: 7 },
  };
  service.version = 41;
  await connectedReporter();
  expect(service.updates).toEqual([
    { reported: { camera: null, health: { rss_bytes: 1, cpu_pct: 1 } }, version: 41 },
  ]);
});

it('sends a change of state at once, with its difference only', async () => {
  await connectedReporter();
  state = { ...state, stream: { ...state.stream, state: 'streaming' } };
  reporter.changed();
  await until(() => service.updates.length === 2);
  expect(patches()[1]).toEqual({ stream: { state: 'streaming' } });
});

it('holds other changes back to one update in 10 s', async () => {
  await connectedReporter();
  state = { ...state, network: { kind: 'wifi' } };
  reporter.changed();
  await pass(4_000);
  state = { ...state, network: { kind: 'ethernet' } };
  reporter.changed();
  await pass(5_999);
  expect(service.updates).toHaveLength(1);
  await pass(1);
  expect(patches()[1]).toEqual({ network: { kind: 'ethernet' } });
});

it('sends metrics every 300 s and not with other updates in between', async () => {
  await connectedReporter();
  state = { ...state, agent: { ...state.agent, uptime_s: 60 }, network: { kind: 'wifi' } };
  await pass(290_000);
  expect(patches().slice(1)).toEqual([{ network: { kind: 'wifi' } }]);
  await pass(10_000);
  expect(patches()[2]).toEqual({ agent: { uptime_s: 60 } });
});

it('says nothing when nothing changed', async () => {
  await connectedReporter();
  await pass(3_600_000);
  expect(service.updates).toHaveLength(1);
});

it('reads again after a version conflict and then reports', async () => {
  await connectedReporter();
  service.touch();
  service.reported = { ...service.reported, foreign: { x: 1 } };
  state = { ...state, stream: { ...state.stream, state: 'streaming' } };
  reporter.changed();
  await until(() => service.updates.length === 3);
  expect(service.gets).toBe(2);
  expect(service.updates[2]).toEqual({
    reported: { stream: { state: 'streaming' }, foreign: null },
    version: 2,
  });
});

it('reports everything once more when the cloud has lost it, as for the next owner', async () => {
  await connectedReporter();
  service.delete();
  reporter.lost();
  await until(() => clock.pending.length > 0);
  await pass(10_000);
  await until(() => service.updates.length === 2);
  expect(service.reported).toEqual(state);
});

it('reads, reconciles and reports after a reconnect', async () => {
  await connectedReporter();
  connection.disconnect();
  expect(clock.pending).toEqual([]);
  state = { ...state, stream: { ...state.stream, state: 'waiting' } };
  reporter.changed();
  connection.connect();
  await until(() => service.updates.length === 2);
  expect(service.gets).toBe(2);
  expect(patches()[1]).toEqual({ stream: { state: 'waiting' } });
});

it('tries again after a back-off when the service throttles', async () => {
  service.rejections.push({ code: 429, message: 'Too many requests' });
  await reporter.start(never);
  connection.connect();
  await until(() => clock.pending.length > 0);
  expect(service.updates).toEqual([]);
  await pass(1_000);
  await until(() => service.updates.length === 1);
  expect(service.reported).toEqual(state);
});

it('does not wait for ever for an answer', async () => {
  service.silent = true;
  await reporter.start(never);
  connection.connect();
  await clock.advance(20_000);
  service.silent = false;
  await pass(1_000);
  await until(() => service.updates.length === 1);
});

it('keeps the acknowledged report on disk and shows its version before there is a connection', async () => {
  await connectedReporter();
  expect(JSON.parse(await readFile(cachePath, 'utf8'))).toEqual({ version: 1, reported: state });
  const next = createReporter();
  await next.start(never);
  expect(next.version).toBe(1);
  await next.stop();
});

it('starts without a cache that was damaged', async () => {
  await writeFile(cachePath, '{"version":');
  await connectedReporter();
  expect(service.reported).toEqual(state);
});
