import { beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '../host/logger.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { TestCa } from '../testing/test-pki.ts';
import { MqttConnection } from './mqtt-connection.ts';
import type { LinkEvents } from './mqtt-link.ts';

const minute = 60_000;

describe('an attempt at a connection', () => {
  let clock: FakeClock;
  let connection: MqttConnection;
  let attempts: LinkEvents[];
  /** What becomes of an attempt. */
  let driver: (events: LinkEvents) => Promise<{ sessionPresent: boolean }>;

  beforeEach(async () => {
    clock = new FakeClock();
    attempts = [];
    const { certificate, privateKey } = await (await TestCa.create()).issueClient({ commonName: 'x' });
    connection = new MqttConnection({
      clock,
      random: () => 0.5,
      logger: createLogger({ level: 'silent' }),
      endpoint: {
        host: 'iot.example',
        port: 8883,
        clientId: 'x',
        certificate,
        privateKey,
        rootCa: '',
        keepAliveSeconds: 45,
        will: { topic: 'x', payload: '' },
      },
      loadDriver: async () => (_endpoint, events) => {
        attempts.push(events);
        return {
          open: () => driver(events),
          subscribe: async () => {},
          publish: async () => {},
          close: async () => {},
          abort: () => events.onEnd({ secured: false }),
        };
      },
    });
  });

  it('that a driver never ends is a standstill, which a new start ends', async () => {
    driver = () => new Promise(() => {});
    await connection.start(new AbortController().signal);
    await clock.advance(9 * minute);
    expect(connection.health()).toEqual({ ok: false, detail: 'connecting to iot.example:8883' });
    await clock.advance(2 * minute);
    expect(connection.health()).toMatchObject({ ok: false, stuck: true });
    await connection.stop();
    expect(connection.health().stuck).toBeUndefined();
  });

  it('that fails, for days, is none', async () => {
    driver = (events) => {
      queueMicrotask(() => events.onEnd({ secured: false }));
      return Promise.reject(new Error('no network'));
    };
    await connection.start(new AbortController().signal);
    for (let hour = 0; hour < 48; hour++) {
      await clock.advance(60 * minute);
      expect(connection.health().stuck).toBeUndefined();
    }
    expect(attempts.length).toBeGreaterThan(1_000);
    await connection.stop();
  });

  it('nor a connection that stands', async () => {
    driver = async () => ({ sessionPresent: false });
    await connection.start(new AbortController().signal);
    await clock.advance(60 * minute);
    expect(connection.health()).toEqual({ ok: true, detail: 'connected to iot.example:8883' });
    await connection.stop();
  });
});
