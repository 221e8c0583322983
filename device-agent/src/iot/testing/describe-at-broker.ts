import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../host/clock.ts';
import { createLogger } from '../../host/logger.ts';
import type { Issued } from '../../testing/test-pki.ts';
import { until } from '../../testing/until.ts';
import type { IotConnection, IotEndpoint } from '../iot-connection.ts';
import { loadDriver } from '../load-driver.ts';
import { MqttConnection } from '../mqtt-connection.ts';
import { type MqttDriver, mqttDrivers } from '../mqtt-link.ts';
import { Relay } from './relay.ts';

/** The board of the tests; a broker lets it do what the agent does, on its own topics. */
export const testBoard = 'aovis-n4k-000123';
/** Another client, which may do everything. */
export const observer = 'observer';

/** A broker that is a program of its own. */
export interface BrokerUnderTest {
  readonly port: number;
  /** PEM, of the server's certificate. */
  readonly rootCa: string;
  readonly board: Issued;
  readonly observer: Issued;
  /** Certificates for the board's name that the broker does not take, and what the board is to make of it. */
  readonly refused: readonly { what: string; certificate: () => Promise<Issued>; code: string }[];
  kill(): Promise<void>;
  /** On the same port; whether sessions are still there is its own affair. */
  restart(): Promise<void>;
  /** After each test. */
  stop(): Promise<void>;
}

/** What every driver must do at a broker that the tests have no hand in. `start` is called before each test. */
export function describeAtBroker(
  name: string,
  refusals: readonly string[],
  start: () => Promise<BrokerUnderTest>,
): void {
  describe.each(mqttDrivers)(`%s at ${name}`, (driver) => {
    const never = new AbortController().signal;
    const commandTopic = `aovis/${testBoard}/command`;
    let broker: BrokerUnderTest;
    let open: IotConnection[];

    beforeEach(async () => {
      open = [];
      broker = await start();
    });

    afterEach(async () => {
      for (const connection of open) await connection.stop();
      await broker.stop();
    });

    function connectionBy(by: MqttDriver, changes: Partial<IotEndpoint> = {}): IotConnection {
      const connection = new MqttConnection({
        endpoint: {
          host: 'localhost',
          port: broker.port,
          clientId: testBoard,
          ...broker.board,
          rootCa: broker.rootCa,
          keepAliveSeconds: 30,
          will: { topic: `aovis/${testBoard}/lwt`, payload: '{"online":false}' },
          ...changes,
        },
        loadDriver: () => loadDriver(by),
        clock: systemClock,
        logger: createLogger({ level: 'silent' }),
        // Attempts follow each other within a few milliseconds.
        random: () => 0.005,
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

    /** The board with its commands, and the observer with what it hears on a filter. */
    async function boardAndObserver(
      filter: string,
      changes: Partial<IotEndpoint> = {},
    ): Promise<{ board: IotConnection; commands: string[]; other: IotConnection; heard: string[] }> {
      const heard: string[] = [];
      const will = { topic: 'observer/lwt', payload: '{}' };
      const other = connectionBy('mqtt', { clientId: observer, ...broker.observer, will });
      other.subscribe(filter, ({ topic, payload }) => heard.push(`${topic} ${payload}`));
      await started(other);
      const commands: string[] = [];
      const board = connectionBy(driver, changes);
      board.subscribe(commandTopic, ({ payload }) => commands.push(payload.toString()));
      await started(board);
      return { board, commands, other, heard };
    }

    it('subscribes and publishes', async () => {
      const { board, commands, other, heard } = await boardAndObserver('aovis/+/event');
      await board.publish({ topic: `aovis/${testBoard}/event`, payload: '{"n":1}' });
      await other.publish({ topic: commandTopic, payload: '{"c":1}' });
      await until(() => heard.length > 0 && commands.length > 0);
      expect([heard, commands]).toEqual([[`aovis/${testBoard}/event {"n":1}`], ['{"c":1}']]);
    });

    it('offers ALPN', async () => {
      const board = await started(connectionBy(driver, { alpn: true }));
      await board.publish({ topic: `aovis/${testBoard}/event`, payload: '{}' });
    });

    it('comes back after kill -9 of the broker with its subscriptions', async () => {
      const { board, commands, other } = await boardAndObserver('aovis/+/event');
      await broker.kill();
      await until(() => board.state !== 'connected' && other.state !== 'connected');
      const again = [connected(board), connected(other)];
      await broker.restart();
      await Promise.all(again);
      await other.publish({ topic: commandTopic, payload: '{"after":"the restart"}' });
      await until(() => commands.length > 0);
      expect(commands).toEqual(['{"after":"the restart"}']);
    });

    it('keeps its session through a cut of the uplink: what was sent meanwhile arrives, and the will was', async () => {
      const relay = await Relay.to(broker.port);
      try {
        const { board, commands, other, heard } = await boardAndObserver('aovis/+/lwt', { port: relay.port });
        relay.silence();
        await other.publish({ topic: commandTopic, payload: '{"sent":"meanwhile"}' });
        relay.restore();
        await until(() => commands.length > 0 && heard.length > 0);
        expect(commands[0]).toBe('{"sent":"meanwhile"}');
        expect(heard[0]).toBe(`aovis/${testBoard}/lwt {"online":false}`);
        await board.stop();
      } finally {
        await relay.close();
      }
    });

    it('steps aside when another client has its id', async () => {
      const connection = await started(connectionBy(driver));
      for (let round = 0; round < 3; round++) {
        const ended = new Promise<void>((resolve) => connection.onDisconnected(() => resolve()));
        // Stopped before the first comes back: the two of them would go on for ever.
        const rival = connectionBy('mqtt');
        await rival.start(never);
        await ended;
        await rival.stop();
        await until(() => connection.state === 'connected' || connection.lastFailure?.code === 'taken-over');
      }
      expect(connection.lastFailure?.code).toBe('taken-over');
    });

    it.each(refusals)('tells that its certificate is %s', async (what) => {
      const refused = broker.refused.find((each) => each.what === what);
      if (refused === undefined) throw new Error(`There is no certificate that is ${what}.`);
      const connection = connectionBy(driver, await refused.certificate());
      await connection.start(never);
      await until(() => connection.lastFailure !== undefined, 25_000);
      expect(connection.lastFailure?.code).toBe(refused.code);
    });
  });
}
