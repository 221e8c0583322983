import { join } from 'node:path';
import { type RunningConfig, reportedConfigSchema, runningConfigSchema } from '@aovis/contracts/shadow';
import { configShadow, shadowTopicPrefix } from '@aovis/contracts/topics';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { createLogger } from '../host/logger.ts';
import { FakeIotConnection } from '../iot/testing/fake-iot-connection.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { until } from '../testing/until.ts';
import { defaultConfig, refuseBeyondCamera } from './board-limits.ts';
import { ConfigApplier } from './config-applier.ts';
import { applyDesired } from './desired-config.ts';
import { ShadowClient } from './shadow-client.ts';
import type { JsonObject } from './state-diff.ts';
import { FakeShadowService } from './testing/fake-shadow-service.ts';

/** Every report is fsynced; a busy disk takes its time. */
jest.setTimeout(30_000);

const thing = 'aovis-n4k-000123';
const logger = createLogger({ level: 'silent' });
const never = new AbortController().signal;
const defaults = defaultConfig('info');

let clock: FakeClock;
let connection: FakeIotConnection;
let service: FakeShadowService;
let applier: ConfigApplier;
let path: string;
let changes: RunningConfig[];
let refusals: Record<string, string>[];
let losses: number;

beforeEach(async () => {
  clock = new FakeClock();
  connection = new FakeIotConnection();
  service = new FakeShadowService(connection, shadowTopicPrefix(thing, configShadow));
  path = join(await temporaryDirectory(), 'running-config.json');
  changes = [];
  refusals = [];
  losses = 0;
  applier = createApplier();
});

afterEach(async () => {
  await applier.stop();
});

function createApplier(): ConfigApplier {
  let tokens = 0;
  const newToken = (): string => `token-${++tokens}`;
  return new ConfigApplier({
    client: new ShadowClient({ connection, clock, logger, thing, shadowName: configShadow, newToken }),
    connection,
    clock,
    logger,
    random: () => 0.5,
    defaults,
    path,
    refuse: refuseBeyondCamera({ kind: 'clip' }),
    onChange: async (running) => void changes.push(running),
    onRefused: (errors) => void refusals.push(errors),
    onLost: () => {
      losses += 1;
    },
  });
}

async function connected(): Promise<void> {
  await applier.start(never);
  connection.connect();
  await until(() => service.updates.length === 1);
  await settle();
}

async function desire(patch: JsonObject): Promise<void> {
  service.desire(patch);
  await until(() => applier.version >= service.version || service.updates.length > 1);
  for (let i = 0; i < 20; i++) await settle();
}

describe('the config shadow', () => {
  beforeEach(connected);

  it('is told at first what runs', () => {
    expect(reportedConfigSchema.parse({ config_errors: null, ...service.reported })).toMatchObject(defaults);
    expect(changes).toEqual([defaults]);
  });

  it('takes over a valid setting, tells the parts and echoes it', async () => {
    await desire({ stream: { enabled: false } });
    await until(() => service.updates.length === 2);
    expect(applier.running.stream).toEqual({ enabled: false, mode: 'continuous', adaptive: false });
    expect(changes.at(-1)?.stream.enabled).toBe(false);
    expect(service.updates[1]?.reported).toEqual({ stream: { enabled: false }, config_version: 2 });
  });

  it('takes the valid settings of a delta and refuses the others with a reason, once', async () => {
    await desire({
      telemetry: { interval_s: 30 },
      log_level: 'loud',
      fan: { speed: 3 },
      camera: { fps: 25 },
    });
    await until(() => service.updates.length === 2);
    for (let i = 0; i < 50; i++) await settle();
    expect(applier.running.telemetry.interval_s).toBe(30);
    expect(service.reported).toMatchObject({
      log_level: 'info',
      config_errors: {
        log_level: expect.stringContaining('debug'),
        'fan.speed': expect.any(String),
        'camera.fps': expect.stringContaining('clip'),
      },
    });
    // What is refused stays a difference, which the service announces after each update: no answer to that.
    expect(service.updates).toHaveLength(2);
    expect(refusals).toHaveLength(1);
  });

  it('withdraws its complaint when the setting is withdrawn', async () => {
    await desire({ log_level: 'loud' });
    await until(() => 'config_errors' in service.reported);
    service.desire({ log_level: null });
    await until(() => !('config_errors' in service.reported));
    expect(applier.errors).toEqual({});
  });

  it('is not misled by a late or repeated delta', async () => {
    const topic = `${shadowTopicPrefix(thing, configShadow)}/update/delta`;
    await desire({ stream: { enabled: false } });
    await until(() => service.updates.length === 2);
    connection.deliver(topic, { version: 1, state: { stream: { enabled: true } } });
    for (let i = 0; i < 20; i++) await settle();
    expect(applier.running.stream.enabled).toBe(false);
  });

  it('ignores a delta that is none', async () => {
    const topic = `${shadowTopicPrefix(thing, configShadow)}/update/delta`;
    for (const payload of ['', 'null', '[]', '{"state":1}', '{"version":"x","state":{}}'])
      connection.deliver(topic, payload);
    await settle();
    expect(applier.running).toEqual(defaults);
    expect(service.updates).toHaveLength(1);
  });

  it('is told all that runs once more when it was wiped, as for the next owner', async () => {
    service.desire({ telemetry: { interval_s: 30 } });
    await until(() => service.updates.length === 2);
    await settle();
    service.delete();
    service.desire({ stream: { enabled: true }, telemetry: { interval_s: 60 } });
    await until(() => applier.running.telemetry.interval_s === 60 && 'camera' in service.reported);
    await settle();
    expect(service.reported).toEqual({ ...applier.running, config_version: expect.any(Number) });
    expect(applier.running.telemetry.interval_s).toBe(60);
    expect(losses).toBe(1);
  });

  it('catches up on what was desired while it was away', async () => {
    connection.disconnect();
    service.desired = { stream: { mode: 'off' } };
    service.touch();
    connection.connect();
    await until(() => applier.running.stream.mode === 'off');
    await until(() => service.updates.length === 2);
  });
});

it('starts with what it ran with last, before there is a connection', async () => {
  await connected();
  await desire({ stream: { mode: 'on_event' } });
  await until(() => changes.at(-1)?.stream.mode === 'on_event');
  await applier.stop();
  const next = createApplier();
  await next.start(never);
  expect(next.running.stream.mode).toBe('on_event');
  await next.stop();
});

it('answers any desired document with a valid configuration and bounded errors', () => {
  const documents = fc.dictionary(
    fc.oneof(fc.constantFrom('stream', 'camera', 'telemetry', 'log_level', '__proto__', 'a.b'), fc.string()),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(documents, (desired) => {
      const verdict = applyDesired(defaults, desired as JsonObject, () => undefined);
      expect(runningConfigSchema.safeParse(verdict.running).success).toBe(true);
      expect(JSON.stringify(verdict.errors).length).toBeLessThan(6_000);
      expect(({} as Record<string, unknown>).stream).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});

it('does not read a key with a dot as a path', () => {
  const { running, errors } = applyDesired(defaults, { 'stream.enabled': false }, () => undefined);
  expect(running).toEqual(defaults);
  expect(Object.keys(errors)).toEqual(['stream.enabled']);
});

describe('a board that changes hands', () => {
  it('forgets what the former owner set, and takes what is desired now', async () => {
    await connected();
    await desire({ log_level: 'debug', telemetry: { interval_s: 30 } });
    expect(applier.running).toMatchObject({ log_level: 'debug', telemetry: { interval_s: 30 } });
    service.desired = { log_level: 'warn' };
    service.touch();
    await applier.reset();
    await until(() => applier.running.log_level === 'warn');
    expect(applier.running).toEqual({ ...defaults, log_level: 'warn' });
    await until(() => service.reported['log_level'] === 'warn');
    expect(service.reported).toMatchObject({ telemetry: { interval_s: 60 } });
  });

  it('starts anew with what it had from the factory, network or not', async () => {
    await connected();
    await desire({ log_level: 'debug' });
    connection.disconnect();
    await applier.reset();
    await applier.stop();
    applier = createApplier();
    await applier.start(never);
    expect(applier.running).toEqual(defaults);
  });
});
