import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Clock } from '../../host/clock.ts';
import { createLogger, type Logger } from '../../host/logger.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { type Issued, TestCa } from '../../testing/test-pki.ts';
import { until } from '../../testing/until.ts';
import type { ConnectionFailure } from '../connection-failure.ts';
import type { IotConnection, IotEndpoint } from '../iot-connection.ts';
import { Relay } from './relay.ts';
import { TestBroker } from './test-broker.ts';

export interface DriverDependencies {
  endpoint: IotEndpoint;
  clock: Clock;
  logger: Logger;
  random: () => number;
  onFailure: (failure: ConnectionFailure) => void;
}

const thing = 'aovis-n4k-000123';
const eventTopic = `aovis/${thing}/event`;
const commandTopic = `aovis/${thing}/command`;
const lwtTopic = `aovis/${thing}/lwt`;
const never = new AbortController().signal;

/** What every driver must do, against a real broker with mutual TLS. Time between attempts is moved by hand. */
export function describeIotConnection(
  name: string,
  create: (deps: DriverDependencies) => IotConnection,
): void {
  describe(`${name} as an IotConnection`, () => {
    let ca: TestCa;
    let board: Issued;
    let broker: TestBroker;
    let clock: FakeClock;
    /** What was logged from WARN on. */
    let lines: { level: string; code?: string }[];
    /** The codes of the failures that were told of. */
    let told: string[];
    const open: IotConnection[] = [];
    const brokers: TestBroker[] = [];

    beforeEach(async () => {
      ca = await TestCa.create();
      board = await ca.issueClient({ commonName: thing });
      broker = await TestBroker.start(ca);
      brokers.push(broker);
      clock = new FakeClock();
      lines = [];
      told = [];
    });

    afterEach(async () => {
      for (const connection of open.splice(0)) await connection.stop();
      for (const each of brokers.splice(0)) await each.kill();
    });

    function connectionTo(changes: Partial<IotEndpoint> = {}): IotConnection {
      const connection = create({
        endpoint: {
          host: 'localhost',
          port: broker.port,
          clientId: thing,
          certificate: board.certificate,
          privateKey: board.privateKey,
          rootCa: ca.certificate,
          keepAliveSeconds: 30,
          will: { topic: lwtTopic, payload: '{"online":false}' },
          ...changes,
        },
        clock,
        onFailure: ({ code }) => void told.push(code),
        logger: createLogger({
          level: 'warn',
          destination: {
            write: (line: string) => void lines.push(JSON.parse(line) as (typeof lines)[number]),
          },
        }),
        random: () => 0.5,
      });
      open.push(connection);
      return connection;
    }

    const connected = (connection: IotConnection): Promise<void> =>
      new Promise((resolve) => connection.onConnected(resolve));

    async function started(connection: IotConnection): Promise<IotConnection> {
      const ready = connected(connection);
      await connection.start(never);
      await ready;
      return connection;
    }

    /** An attempt or a connection has ended; the next attempt follows when the clock is moved. */
    const waiting = (connection: IotConnection): Promise<void> =>
      until(() => connection.state === 'waiting', 25_000);

    /** The failure after which the driver waits. */
    async function failureOf(connection: IotConnection): Promise<string | undefined> {
      await connection.start(never);
      await waiting(connection);
      expect(told).toEqual([connection.lastFailure?.code]);
      return connection.lastFailure?.code;
    }

    it('publishes with QoS 1 and shows its SNI on any port', async () => {
      const connection = await started(connectionTo());
      await connection.publish({ topic: eventTopic, payload: '{"n":1}' });
      expect(broker.received).toContainEqual({ topic: eventTopic, payload: '{"n":1}' });
      expect(broker.handshakes[0]?.serverName).toBe('localhost');
      expect(connection.health()).toEqual({ ok: true, detail: expect.stringContaining('localhost') });
    });

    it('connects to a literal address', async () => {
      const connection = await started(connectionTo({ host: '127.0.0.1' }));
      expect(connection.state).toBe('connected');
    });

    it('delivers what its filters match, wildcards included, and survives a handler that throws', async () => {
      const connection = connectionTo();
      const seen: string[] = [];
      connection.subscribe(commandTopic, () => {
        throw new Error('a handler with a defect');
      });
      connection.subscribe(`aovis/${thing}/binding/+`, ({ topic, payload }) =>
        seen.push(`${topic} ${payload}`),
      );
      await started(connection);
      const arrived = new Promise<void>((resolve) => connection.subscribe('test/last', () => resolve()));
      await broker.until(({ subscribed }) => subscribed.flat().includes('test/last'));
      broker.send(commandTopic, 'x');
      broker.send(`aovis/${thing}/binding/challenge`, 'y');
      broker.send('test/last', 'z');
      await arrived;
      expect(seen).toEqual([`aovis/${thing}/binding/challenge y`]);
      expect(connection.state).toBe('connected');
    });

    it('puts all filters in place before it calls itself connected, at most 8 in one SUBSCRIBE', async () => {
      const connection = connectionTo();
      const filters = Array.from({ length: 19 }, (_, index) => `test/${index}`);
      for (const filter of filters) connection.subscribe(filter, () => {});
      await started(connection);
      expect(broker.subscribed.flat()).toEqual(filters);
      expect(Math.max(...broker.subscribed.map(({ length }) => length))).toBeLessThanOrEqual(8);
    });

    it('offers the ALPN protocol of AWS IoT where MQTT shares a port, and none elsewhere', async () => {
      await (await started(connectionTo({ alpn: true }))).stop();
      await started(connectionTo());
      expect(broker.handshakes.map(({ alpn }) => alpn)).toEqual(['x-amzn-mqtt-ca', false]);
    });

    it('started offline connects when the cloud can be reached', async () => {
      await broker.kill();
      const connection = connectionTo();
      expect(await failureOf(connection)).toBe('network');
      await broker.listen();
      const ready = connected(connection);
      await clock.advance(1_000);
      await ready;
    });

    it('notices by its keep-alive that nothing goes through any more', async () => {
      const relay = await Relay.to(broker.port);
      try {
        const connection = await started(connectionTo({ port: relay.port, keepAliveSeconds: 2 }));
        relay.silence();
        await waiting(connection);
        expect(connection.lastFailure?.code).toBe('timeout');
        relay.restore();
        const again = connected(connection);
        await clock.advance(1_000);
        await again;
        await connection.stop();
      } finally {
        await relay.close();
      }
    });

    it('sends again what a broker that throttles did not acknowledge, as often as it takes', async () => {
      const connection = await started(connectionTo());
      broker.discards = 4;
      const payloads = ['{"kept":1}', '{"kept":2}'];
      const publishing = payloads.map((payload) => connection.publish({ topic: eventTopic, payload }));
      for (const left of [2, 0]) {
        await until(() => broker.discards === left);
        expect(clock.pending).toEqual([60_000]);
        await clock.advance(60_000);
        await waiting(connection);
        expect(connection.lastFailure?.code).toBe('timeout');
        const again = connected(connection);
        await clock.advance(2_000);
        await again;
      }
      await Promise.all(publishing);
      const arrived = (payload: string): boolean => broker.received.some((each) => each.payload === payload);
      await broker.until(() => payloads.every(arrived));
    });

    it('tells a refused CONNECT and tries again', async () => {
      broker.refusals = 1;
      const connection = connectionTo();
      expect(await failureOf(connection)).toBe('refused');
      expect(connection.lastFailure?.sentence).toContain('iot:Connect');
      const ready = connected(connection);
      await clock.advance(1_000);
      await ready;
    });

    it('refuses to publish while there is no connection', async () => {
      const connection = connectionTo();
      await expect(connection.publish({ topic: eventTopic, payload: '{}' })).rejects.toMatchObject({
        code: 'not-connected',
      });
    });

    it('comes back after the broker was killed, restores its subscriptions and loses no publish', async () => {
      const connection = connectionTo();
      const commands: string[] = [];
      connection.subscribe(commandTopic, ({ payload }) => commands.push(payload.toString()));
      await started(connection);
      broker.cutOnPublish = true;
      const publishing = connection.publish({ topic: eventTopic, payload: '{"kept":true}' });
      await waiting(connection);
      await broker.kill();

      broker.cutOnPublish = false;
      broker.subscribed.length = 0;
      await broker.listen();
      const again = connected(connection);
      await clock.advance(1_000);
      await again;
      await publishing;
      expect(broker.received).toContainEqual({ topic: eventTopic, payload: '{"kept":true}' });
      expect(broker.subscribed.flat()).toEqual([commandTopic]);

      const arrived = new Promise<void>((resolve) => connection.subscribe(commandTopic, () => resolve()));
      broker.send(commandTopic, 'after the restart');
      await arrived;
      expect(commands).toEqual(['after the restart']);
    });

    it('does not subscribe again to what the session still holds', async () => {
      const connection = connectionTo();
      connection.subscribe(commandTopic, () => {});
      await started(connection);
      broker.closeConnections();
      await waiting(connection);
      const again = connected(connection);
      await clock.advance(1_000);
      await again;
      expect(broker.subscribed.flat()).toEqual([commandTopic]);
    });

    it('leaves a last will when it vanishes, none when it says goodbye', async () => {
      const connection = await started(connectionTo());
      await connection.stop();
      const other = await started(connectionTo());
      expect(broker.received.filter(({ topic }) => topic === lwtTopic)).toEqual([]);
      // A second connection with the id ends the first one without a DISCONNECT.
      await started(connectionTo());
      await broker.until(({ received }) => received.some(({ topic }) => topic === lwtTopic));
      await waiting(other);
      await other.stop();
    });

    it('tells a network that is down', async () => {
      await broker.kill();
      expect(await failureOf(connectionTo())).toBe('network');
    });

    it('tells a name that does not resolve', async () => {
      expect(await failureOf(connectionTo({ host: 'no-such-host.invalid' }))).toBe('dns');
    });

    it('tells a revoked certificate', async () => {
      broker.revoke(board.certificate);
      const connection = connectionTo();
      expect(await failureOf(connection)).toBe('certificate-rejected');
      expect(connection.lastFailure?.needsPerson).toBe(true);
      expect(connection.lastFailure?.sentence).toContain('ACTIVE');
    });

    it('tells an expired certificate', async () => {
      const strict = await TestBroker.start(ca, undefined, true);
      brokers.push(strict);
      const expired = await ca.issueClient({
        commonName: thing,
        notBefore: new Date(clock.now() - 86_400_000),
        notAfter: new Date(clock.now() - 1_000),
      });
      const connection = connectionTo({ port: strict.port, ...expired });
      expect(await failureOf(connection)).toBe('certificate-expired');
    });

    it('tells a server that the root does not vouch for', async () => {
      const stranger = await TestCa.create('Stranger');
      expect(await failureOf(connectionTo({ rootCa: stranger.certificate }))).toBe('server-untrusted');
    });

    it('tells a server whose certificate is not valid at the time of the clock', async () => {
      const later = new Date(Date.now() + 86_400_000);
      const future = await TestBroker.start(ca, await ca.issueServer({ notBefore: later }));
      brokers.push(future);
      expect(await failureOf(connectionTo({ port: future.port }))).toBe('clock-wrong');
    });

    it('tells a server whose certificate has expired by the clock', async () => {
      const past = await TestBroker.start(
        ca,
        await ca.issueServer({ notAfter: new Date(Date.now() - 1_000) }),
      );
      brokers.push(past);
      expect(await failureOf(connectionTo({ port: past.port }))).toBe('clock-wrong');
    });

    it('tells a forbidden subscription and names it', async () => {
      broker.forbid(commandTopic);
      const connection = connectionTo();
      connection.subscribe(commandTopic, () => {});
      expect(await failureOf(connection)).toBe('forbidden');
      expect(connection.lastFailure?.sentence).toContain(commandTopic);
    });

    it('gives up a message that the broker closes the connection on, and carries on', async () => {
      broker.forbid(eventTopic);
      const connection = await started(connectionTo());
      let verdict: unknown;
      const publishing = connection.publish({ topic: eventTopic, payload: '{}' }).catch((error: unknown) => {
        verdict = error;
      });
      for (let end = 1; end <= 3; end++) {
        await waiting(connection);
        if (end < 3) await clock.advance(128_000);
      }
      await publishing;
      expect(verdict).toMatchObject({ code: 'forbidden' });
      // Once may be a restart of the broker; from the second time on somebody has to look at the policy.
      const closes = lines.filter(({ code }) => code === 'forbidden');
      expect(closes.map(({ level }) => level)).toEqual(['warn', 'error', 'error']);
      const again = connected(connection);
      await clock.advance(128_000);
      await again;
      await connection.publish({ topic: `aovis/${thing}/telemetry`, payload: '{}' });
    });

    it('gives up no message that was held up for long when the broker closed the connection', async () => {
      const connection = await started(connectionTo());
      broker.discards = 3;
      const publishing = connection.publish({ topic: eventTopic, payload: '{"kept":true}' });
      for (let left = 2; left >= 0; left--) {
        await until(() => broker.discards === left);
        await clock.advance(15_000);
        broker.closeConnections();
        await waiting(connection);
        expect(connection.lastFailure?.code).not.toBe('forbidden');
        const again = connected(connection);
        await clock.advance(600_000);
        await again;
      }
      await publishing;
      expect(broker.received).toContainEqual({ topic: eventTopic, payload: '{"kept":true}' });
    });

    it('does not fight for ever with another client of the same id', async () => {
      const connection = await started(connectionTo());
      for (let round = 1; round <= 3; round++) {
        broker.closeConnections();
        await waiting(connection);
        if (round === 3) break;
        const again = connected(connection);
        await clock.advance(128_000);
        await again;
      }
      expect(connection.lastFailure?.code).toBe('taken-over');
      expect(connection.lastFailure?.sentence).toContain(thing);
      expect(clock.pending[0]).toBeGreaterThanOrEqual(300_000);
    });

    it('blames a network that breaks again and again on nobody: no take-over, no message given up', async () => {
      const relay = await Relay.to(broker.port);
      try {
        const connection = await started(connectionTo({ port: relay.port }));
        broker.discards = 4;
        const publishing = connection.publish({ topic: eventTopic, payload: '{"kept":true}' });
        for (let left = 3; left >= 0; left--) {
          await until(() => broker.discards === left);
          relay.cut();
          await waiting(connection);
          expect(connection.lastFailure?.code).toBe('network');
          const again = connected(connection);
          await clock.advance(128_000);
          await again;
        }
        await publishing;
        expect(broker.received).toContainEqual({ topic: eventTopic, payload: '{"kept":true}' });
        await connection.stop();
      } finally {
        await relay.close();
      }
    });

    it('stops while it waits, while it connects and when it never started', async () => {
      await connectionTo().stop();
      const connecting = connectionTo();
      await connecting.start(never);
      await connecting.stop();
      expect(connecting.state).toBe('stopped');
      await broker.kill();
      const waitingOne = connectionTo();
      await waitingOne.start(never);
      await waiting(waitingOne);
      await waitingOne.stop();
      expect(clock.pending).toEqual([]);
    });
  });
}
