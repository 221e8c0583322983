import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { iot, iotshadow, mqtt } from 'aws-iot-device-sdk-v2';
import type { TestBoard } from '../iot-broker/testing/test-cloud.ts';
import { TestDataPlane } from './testing/test-data-plane.ts';

let plane: TestDataPlane;
let board: TestBoard;
let connection: mqtt.MqttClientConnection;
let shadows: iotshadow.IotShadowClientv2;
beforeEach(async () => {
  plane = await TestDataPlane.start();
  board = await plane.cloud.board('board-1');
  connection = connectionOf(board);
  await connection.connect();
  shadows = iotshadow.IotShadowClientv2.newFromMqtt311(connection, {
    maxRequestResponseSubscriptions: 6,
    maxStreamingSubscriptions: 4,
    operationTimeoutInSeconds: 10,
  });
});
afterEach(async () => {
  shadows.close();
  await connection.disconnect();
  await plane.stop();
});

function connectionOf({ thingName, certificatePem, keyPem }: TestBoard): mqtt.MqttClientConnection {
  const config = iot.AwsIotMqttConnectionConfigBuilder.new_mtls_builder(certificatePem, keyPem)
    .with_certificate_authority(plane.cloud.environment.pki.rootCaPem)
    .with_endpoint('localhost')
    .with_client_id(thingName)
    .with_clean_session(true)
    .build();
  config.port = plane.cloud.broker.port;
  return new mqtt.MqttClient().new_connection(config);
}

describe('AWS’s own device SDK', () => {
  it('publishes and subscribes', async () => {
    const arrived = new Promise<string>((resolve) => {
      void connection.subscribe('aovis/board-1/command', mqtt.QoS.AtLeastOnce, (_, payload) =>
        resolve(Buffer.from(payload).toString('utf8')),
      );
    });
    await connection.publish('aovis/board-1/event', '{}', mqtt.QoS.AtLeastOnce);
    plane.cloud.broker.publish({ topic: 'aovis/board-1/command', payload: 'go', qos: 1 });
    expect(await arrived).toBe('go');
  });

  it('updates, reads and deletes classic and named shadows by request and response', async () => {
    const updated = await shadows.updateShadow({
      thingName: 'board-1',
      state: { reported: { on: true } },
    });
    expect(updated).toMatchObject({ state: { reported: { on: true } }, version: 1 });
    expect(await shadows.getShadow({ thingName: 'board-1' })).toMatchObject({
      state: { reported: { on: true } },
      version: 1,
    });
    await shadows.updateNamedShadow({
      thingName: 'board-1',
      shadowName: 'config',
      state: { desired: { mode: 'off' } },
    });
    expect(await shadows.getNamedShadow({ thingName: 'board-1', shadowName: 'config' })).toMatchObject({
      state: { desired: { mode: 'off' }, delta: { mode: 'off' } },
    });
    expect(await shadows.deleteShadow({ thingName: 'board-1' })).toMatchObject({ version: 1 });
    await expect(shadows.getShadow({ thingName: 'board-1' })).rejects.toMatchObject({
      modeledError: { code: 404, message: "No shadow exists with name: 'board-1'" },
    });
    await expect(
      shadows.updateNamedShadow({ thingName: 'board-1', shadowName: 'config', state: {}, version: 9 }),
    ).rejects.toMatchObject({ modeledError: { code: 409, message: 'Version conflict' } });
  });

  it('streams deltas and documents', async () => {
    const request = { thingName: 'board-1', shadowName: 'config' };
    const deltas = shadows.createNamedShadowDeltaUpdatedStream(request);
    const documents = shadows.createNamedShadowUpdatedStream(request);
    const established = [deltas, documents].map(
      async (stream) =>
        new Promise<void>((resolve) => {
          stream.on('subscriptionStatus', () => resolve());
        }),
    );
    const delta = new Promise<iotshadow.model.ShadowDeltaUpdatedEvent>((resolve) => {
      deltas.on('incomingPublish', ({ message }) => resolve(message));
    });
    const document = new Promise<iotshadow.model.ShadowUpdatedEvent>((resolve) => {
      documents.on('incomingPublish', ({ message }) => resolve(message));
    });
    deltas.open();
    documents.open();
    await Promise.all(established);
    await shadows.updateNamedShadow({ ...request, state: { desired: { mode: 'on' } } });
    expect(await delta).toMatchObject({ state: { mode: 'on' }, version: 1 });
    expect(await document).toMatchObject({
      current: { state: { desired: { mode: 'on' } }, version: 1 },
    });
    deltas.close();
    documents.close();
  });

  it('is cut off when its certificate is revoked', async () => {
    const interrupted = new Promise<void>((resolve) => {
      connection.once('interrupt', () => resolve());
    });
    plane.cloud.registry.setStatus(board.certificateId, 'REVOKED');
    await interrupted;
  });
});
