import {
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CreateKeysAndCertificateCommand,
  CreatePolicyCommand,
  CreateThingCommand,
  DetachPolicyCommand,
  DetachThingPrincipalCommand,
  IoTClient,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import mqtt, { type MqttClient } from 'mqtt';
import { IotCore } from '../iot-core/server.ts';
import { Iam } from '../kernel/iam.ts';
import type { Environment } from '../kernel/service.ts';
import { type Broker, createBroker } from './broker.ts';
import { boardPolicy, closed, closeEnvironment, openEnvironment } from './testing/test-cloud.ts';

let environment: Environment;
let iotCore: IotCore;
let broker: Broker;
let sdk: IoTClient;
beforeEach(async () => {
  environment = await openEnvironment();
  const { accessKeys, store, accountId, region } = environment;
  const credentials = { accessKeyId: 'AKIDLOCAL', secretAccessKey: 'local-secret' };
  accessKeys.add({ ...credentials, principal: { kind: 'account', accessKeyId: credentials.accessKeyId } });
  const nowhere = (): string => 'localhost:1';
  iotCore = new IotCore(
    environment,
    new Iam(store, accountId),
    { mqtt: nowhere, data: nowhere, credentials: nowhere },
    0,
  );
  broker = createBroker(environment, iotCore.registry);
  await iotCore.start();
  await broker.start();
  sdk = new IoTClient({ region, credentials, endpoint: `http://127.0.0.1:${iotCore.port}` });
});
afterEach(async () => {
  sdk.destroy();
  await broker.stop();
  await iotCore.stop();
  closeEnvironment(environment);
});

describe('the registry of the control plane, changed by AWS’s own client', () => {
  const policyName = 'board';
  let certificateId: string;
  let target: string;
  let identity: { cert: string; key: string };
  beforeEach(async () => {
    const created = await sdk.send(new CreateKeysAndCertificateCommand({ setAsActive: true }));
    certificateId = created.certificateId ?? '';
    target = created.certificateArn ?? '';
    identity = { cert: created.certificatePem ?? '', key: created.keyPair?.PrivateKey ?? '' };
    await sdk.send(new CreatePolicyCommand({ policyName, policyDocument: JSON.stringify(boardPolicy) }));
    await sdk.send(new AttachPolicyCommand({ policyName, target }));
    await sdk.send(new CreateThingCommand({ thingName: 'board-1' }));
    await sdk.send(new AttachThingPrincipalCommand({ thingName: 'board-1', principal: target }));
  });

  async function connect(): Promise<MqttClient> {
    const client = mqtt.connect({
      protocol: 'mqtts',
      host: 'localhost',
      port: broker.port,
      ca: environment.pki.rootCaPem,
      ...identity,
      clientId: 'board-1',
      protocolVersion: 4,
      reconnectPeriod: 0,
    });
    client.on('error', () => undefined);
    return new Promise((resolve, reject) => {
      client.once('connect', () => resolve(client));
      client.once('close', () => reject(new Error('refused')));
    });
  }

  it.each<[string, () => Promise<unknown>, () => Promise<unknown>]>([
    [
      'the certificate is deactivated',
      async () => sdk.send(new UpdateCertificateCommand({ certificateId, newStatus: 'INACTIVE' })),
      async () => sdk.send(new UpdateCertificateCommand({ certificateId, newStatus: 'ACTIVE' })),
    ],
    [
      'its policy is detached',
      async () => sdk.send(new DetachPolicyCommand({ policyName, target })),
      async () => sdk.send(new AttachPolicyCommand({ policyName, target })),
    ],
    [
      'its thing is detached, which the policy’s variables need',
      async () => sdk.send(new DetachThingPrincipalCommand({ thingName: 'board-1', principal: target })),
      async () => sdk.send(new AttachThingPrincipalCommand({ thingName: 'board-1', principal: target })),
    ],
  ])('lets a board in, throws it out when %s, and lets it in again', async (_, takeAway, giveBack) => {
    const client = await connect();
    const end = closed(client);
    const before = Date.now();
    await takeAway();
    await end;
    expect(Date.now() - before).toBeLessThan(1000);
    await expect(connect()).rejects.toThrow('refused');
    await giveBack();
    const again = await connect();
    await again.publishAsync('aovis/board-1/event', '{}', { qos: 1 });
    await again.endAsync();
  });
});
