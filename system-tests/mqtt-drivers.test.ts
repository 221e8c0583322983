import { createLogger } from '@aovis/device-agent/host/logger';
import type { IotConnection } from '@aovis/device-agent/iot/iot-connection';
import { loadDriver } from '@aovis/device-agent/iot/load-driver';
import { MqttConnection } from '@aovis/device-agent/iot/mqtt-connection';
import { mqttDrivers } from '@aovis/device-agent/iot/mqtt-link';
import {
  type BrokerUnderTest,
  describeAtBroker,
  observer,
  testBoard,
} from '@aovis/device-agent/iot/testing/describe-at-broker';
import { FakeClock } from '@aovis/device-agent/testing/fake-clock';
import type { Issued } from '@aovis/device-agent/testing/test-pki';
import { until } from '@aovis/device-agent/testing/until';
import { admin } from '@aovis/simulator/cloud-setup';
import { waitFor } from '@aovis/simulator/wait-for';
import type { CertificateStatus } from '@aws-sdk/client-iot';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CloudAlone } from './support/cloud-alone.ts';
import { addFault, type FaultRule, pendingFaults } from './support/faults.ts';

const never = new AbortController().signal;
const eventTopic = `aovis/${testBoard}/event`;

async function startCloud(): Promise<BrokerUnderTest> {
  const cloud = await CloudAlone.start();
  await cloud.makeThing(testBoard, 'as a board');
  await cloud.makeThing(observer, 'everything');
  async function issueAndSet(status: CertificateStatus): Promise<Issued> {
    const certificate = await cloud.issueFor(testBoard);
    await cloud.setStatus(certificate, status);
    return certificate;
  }
  return {
    port: cloud.endpoints.iot.mqttPort,
    rootCa: cloud.rootCa,
    board: await cloud.issueFor(testBoard),
    observer: await cloud.issueFor(observer),
    refused: [
      { what: 'revoked', certificate: () => issueAndSet('REVOKED'), code: 'certificate-rejected' },
      { what: 'not active', certificate: () => issueAndSet('INACTIVE'), code: 'certificate-rejected' },
      {
        what: 'expired',
        certificate: () => issueExpiring(cloud),
        code: 'certificate-expired',
      },
      {
        what: 'not registered',
        certificate: () => cloud.issueUnregistered(testBoard),
        code: 'certificate-rejected',
      },
    ],
    kill: () => cloud.kill(),
    restart: () => cloud.restart(),
    stop: () => cloud.stop(),
  };
}

/** AWS IoT registers none that has expired: one that does so now. */
async function issueExpiring(cloud: CloudAlone): Promise<Issued> {
  const end = new Date(Math.ceil((Date.now() + 500) / 1_000) * 1_000);
  const certificate = await cloud.issueFor(testBoard, end);
  await until(() => Date.now() > end.getTime());
  return certificate;
}

describeAtBroker('local-cloud', ['revoked', 'not active', 'expired', 'not registered'], startCloud);

describe.each(mqttDrivers)('%s at local-cloud, in trouble', (driver) => {
  let cloud: CloudAlone;
  let certificate: Issued & { id: string };
  let clock: FakeClock;
  let connection: IotConnection;
  let commands: string[];

  beforeEach(async () => {
    cloud = await CloudAlone.start();
    await cloud.makeThing(testBoard, 'as a board');
    certificate = await cloud.issueFor(testBoard);
    clock = new FakeClock();
    commands = [];
    connection = new MqttConnection({
      endpoint: {
        host: 'localhost',
        port: cloud.endpoints.iot.mqttPort,
        clientId: testBoard,
        ...certificate,
        rootCa: cloud.rootCa,
        keepAliveSeconds: 30,
        will: { topic: `aovis/${testBoard}/lwt`, payload: '{"online":false}' },
      },
      loadDriver: () => loadDriver(driver),
      clock,
      logger: createLogger({ level: 'silent' }),
      random: () => 0.5,
    });
    connection.subscribe(`aovis/${testBoard}/command`, ({ payload }) => commands.push(payload.toString()));
    await connection.start(never);
    await until(() => connection.state === 'connected');
  });

  afterEach(async () => {
    await connection.stop();
    await cloud.stop();
  });

  const fault = (operation: string, effect: FaultRule['effect'], times: number): Promise<string> =>
    addFault(cloud.endpoints, { service: 'iot-broker', operation, subject: testBoard, effect, times });

  const atBroker = (action: string): Promise<unknown> =>
    admin(cloud.endpoints, 'POST', `/_local/mqtt/connections/${testBoard}/${action}`);

  async function untilWaiting(): Promise<void> {
    await until(() => connection.state === 'waiting');
  }

  /** Moves time until the next attempt has succeeded. */
  async function untilConnectedAgain(): Promise<void> {
    await untilWaiting();
    await clock.advance(128_000);
    await until(() => connection.state === 'connected');
  }

  it('subscribes again when its session is lost', async () => {
    await atBroker('lose-session');
    await untilConnectedAgain();
    const { connections } = (await admin(cloud.endpoints, 'GET', '/_local/mqtt/connections')) as {
      connections: { clientId: string; subscriptions: string[] }[];
    };
    expect(connections).toMatchObject([
      { clientId: testBoard, subscriptions: [`aovis/${testBoard}/command`] },
    ]);
  });

  it('is told apart from the network when the broker ends it again and again', async () => {
    for (let round = 0; round < 2; round++) {
      await atBroker('kick');
      await untilWaiting();
      expect(connection.lastFailure?.code).toBe('closed');
      await untilConnectedAgain();
    }
    await atBroker('kick');
    await untilWaiting();
    expect(connection.lastFailure?.code).toBe('taken-over');
  });

  it('notices that its certificate is revoked, and comes back when it is active again', async () => {
    await cloud.setStatus(certificate, 'REVOKED');
    await untilWaiting();
    await clock.advance(1_000);
    await until(() => connection.lastFailure?.code === 'certificate-rejected', 25_000);
    await cloud.setStatus(certificate, 'ACTIVE');
    await untilConnectedAgain();
  });

  it("gives up what the policy forbids, and goes on with the board's own topics", async () => {
    const forbidden = connection.publish({ topic: 'aovis/aovis-n4k-000999/event', payload: '{}' }).then(
      () => 'published',
      (error: unknown) => error,
    );
    for (let close = 1; close <= 3; close++) {
      await untilWaiting();
      expect(connection.lastFailure?.code).toBe('forbidden');
      await untilConnectedAgain();
    }
    expect(await forbidden).toMatchObject({ code: 'forbidden' });
    await connection.publish({ topic: eventTopic, payload: '{}' });
  });

  it('brings through a burst of which the broker discards what is over its limit', async () => {
    const count = 140;
    let acknowledged = 0;
    for (let number = 0; number < count; number++)
      void connection.publish({ topic: eventTopic, payload: `{"n":${number}}` }).then(() => {
        acknowledged += 1;
      });
    await until(() => acknowledged >= 100);
    while (acknowledged < count) {
      await clock.advance(60_000);
      if (connection.state === 'connected') continue;
      expect(connection.lastFailure?.code).toBe('timeout');
      await untilConnectedAgain();
    }
    expect(acknowledged).toBe(count);
  });

  it('sends again what was acknowledged into the void', async () => {
    await fault('Publish', { kind: 'lose-answer' }, 1);
    const publishing = connection.publish({ topic: eventTopic, payload: '{}' });
    await waitFor('The publish', async () =>
      (await pendingFaults(cloud.endpoints)).length === 0 ? true : undefined,
    );
    await clock.advance(60_000);
    await untilConnectedAgain();
    await publishing;
  });

  it('waits longer each time that a CONNECT is refused', async () => {
    await fault('Connect', { kind: 'drop' }, 3);
    await atBroker('kick');
    const waits: number[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      await untilWaiting();
      waits.push(Math.min(...clock.pending));
      await clock.advance(waits.at(-1) ?? 0);
    }
    expect(waits).toEqual([500, 1_000, 2_000]);
    await untilConnectedAgain();
  });
});
