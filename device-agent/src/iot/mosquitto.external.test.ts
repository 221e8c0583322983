import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../host/clock.ts';
import { createLogger } from '../host/logger.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { type Issued, TestCa } from '../testing/test-pki.ts';
import { until } from '../testing/until.ts';
import type { IotConnection, IotEndpoint } from './iot-connection.ts';
import { loadDriver } from './load-driver.ts';
import { MqttConnection } from './mqtt-connection.ts';
import { type MqttDriver, mqttDrivers } from './mqtt-link.ts';
import { Mosquitto } from './testing/mosquitto.ts';
import { Relay } from './testing/relay.ts';

const never = new AbortController().signal;
const thing = 'aovis-n4k-000123';

let ca: TestCa;
let board: Issued;
let revoked: Issued;
let broker: Mosquitto;
let open: IotConnection[];

beforeEach(async () => {
  ca = await TestCa.create();
  board = await ca.issueClient({ commonName: thing });
  revoked = await ca.issueClient({ commonName: thing });
  broker = await Mosquitto.start(await temporaryDirectory(), ca, await ca.revoke(revoked));
  open = [];
});

afterEach(async () => {
  for (const connection of open) await connection.stop();
  await broker.kill();
});

function connectionBy(driver: MqttDriver, changes: Partial<IotEndpoint> = {}): IotConnection {
  const connection = new MqttConnection({
    endpoint: {
      host: 'localhost',
      port: broker.port,
      clientId: thing,
      ...board,
      rootCa: ca.certificate,
      keepAliveSeconds: 30,
      will: { topic: `aovis/${thing}/lwt`, payload: '{"online":false}' },
      ...changes,
    },
    loadDriver: () => loadDriver(driver),
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

/** Somebody else at the broker, who hears what arrives on the filter. */
async function listener(filter: string): Promise<string[]> {
  const heard: string[] = [];
  const other = connectionBy('mqtt', { clientId: 'listener' });
  other.subscribe(filter, ({ topic, payload }) => heard.push(`${topic} ${payload}`));
  await started(other);
  return heard;
}

describe.each(mqttDrivers)('%s at mosquitto', (driver) => {
  it('subscribes, publishes and is known by its certificate', async () => {
    const heard = await listener('aovis/+/event');
    const connection = connectionBy(driver);
    const commands: string[] = [];
    connection.subscribe(`aovis/${thing}/command`, ({ payload }) => commands.push(payload.toString()));
    await started(connection);
    await connection.publish({ topic: `aovis/${thing}/event`, payload: 'e' });
    await open[0]?.publish({ topic: `aovis/${thing}/command`, payload: 'c' });
    await until(() => heard.length > 0 && commands.length > 0);
    expect([heard, commands]).toEqual([[`aovis/${thing}/event e`], ['c']]);
    expect(broker.log.some((line) => line.includes(`as ${thing}`) && line.includes(`u'${thing}'`))).toBe(
      true,
    );
  });

  it('comes back after kill -9 of the broker with its subscriptions', async () => {
    const connection = connectionBy(driver);
    const commands: string[] = [];
    connection.subscribe('to/the/board', ({ payload }) => commands.push(payload.toString()));
    await started(connection);
    await broker.kill();
    await until(() => connection.state !== 'connected');
    const again = connected(connection);
    await broker.restart();
    await again;
    await connection.publish({ topic: 'to/the/board', payload: 'after the restart' });
    await until(() => commands.length > 0);
    expect(commands).toEqual(['after the restart']);
  });

  it('keeps its session through a cut of the uplink: what was sent meanwhile arrives, and the will was', async () => {
    const wills = await listener('aovis/+/lwt');
    const relay = await Relay.to(broker.port);
    try {
      const connection = connectionBy(driver, { port: relay.port });
      const commands: string[] = [];
      connection.subscribe('to/the/board', ({ payload }) => commands.push(payload.toString()));
      await started(connection);
      relay.silence();
      await open[0]?.publish({ topic: 'to/the/board', payload: 'meanwhile' });
      relay.restore();
      await until(() => commands.length > 0 && wills.length > 0);
      expect(commands[0]).toBe('meanwhile');
      expect(wills[0]).toBe(`aovis/${thing}/lwt {"online":false}`);
      await connection.stop();
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

  it.each([
    ['revoked', async () => revoked, 'certificate-rejected'],
    [
      'expired',
      () => ca.issueClient({ commonName: thing, notAfter: new Date(Date.now() - 1_000) }),
      'certificate-expired',
    ],
    [
      'of another authority',
      async () => (await TestCa.create('Stranger')).issueClient({ commonName: thing }),
      'certificate-rejected',
    ],
  ])('tells that its certificate is %s', async (_name, issue, code) => {
    const connection = connectionBy(driver, await issue());
    await connection.start(never);
    await until(() => connection.lastFailure !== undefined, 25_000);
    expect(connection.lastFailure?.code).toBe(code);
  });
});
