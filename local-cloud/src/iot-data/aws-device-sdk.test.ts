import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestBoard } from '../iot-broker/testing/test-cloud.ts';
import { DeviceSdkClient } from './testing/device-sdk-client.ts';
import { TestDataPlane } from './testing/test-data-plane.ts';

let plane: TestDataPlane;
let board: TestBoard;
let sdk: DeviceSdkClient;
beforeEach(async () => {
  plane = await TestDataPlane.start();
  board = await plane.cloud.board('board-1');
  sdk = new DeviceSdkClient();
  await sdk.perform({
    do: 'connect',
    ...board,
    rootCaPem: plane.cloud.environment.pki.rootCaPem,
    port: plane.cloud.broker.port,
  });
});
afterEach(async () => {
  await sdk.stop();
  await plane.stop();
});

const classic = { thingName: 'board-1' };
const config = { thingName: 'board-1', shadowName: 'config' };

describe('AWS’s own device SDK', () => {
  it('publishes and subscribes', async () => {
    await sdk.perform({ do: 'subscribe', topic: 'aovis/board-1/command' });
    const arrived = sdk.next('message');
    const event = plane.cloud.message(({ topic }) => topic === 'aovis/board-1/event');
    await sdk.perform({ do: 'publish', topic: 'aovis/board-1/event', text: '{"a":1}' });
    expect((await event).payload.toString()).toBe('{"a":1}');
    plane.cloud.broker.publish({ topic: 'aovis/board-1/command', payload: 'go', qos: 1 });
    expect(await arrived).toEqual(['aovis/board-1/command', 'go']);
  });

  it('updates, reads and deletes classic and named shadows by request and response', async () => {
    const state = { reported: { on: true } };
    expect(await sdk.perform({ do: 'updateShadow', request: { ...classic, state } })).toMatchObject({
      state,
      version: 1,
    });
    const get = async (): Promise<unknown> => sdk.perform({ do: 'getShadow', request: classic });
    expect(await get()).toMatchObject({ state, version: 1 });
    await sdk.perform({
      do: 'updateNamedShadow',
      request: { ...config, state: { desired: { mode: 'off' } } },
    });
    expect(await sdk.perform({ do: 'getNamedShadow', request: config })).toMatchObject({
      state: { desired: { mode: 'off' }, delta: { mode: 'off' } },
    });
    expect(await sdk.perform({ do: 'deleteShadow', request: classic })).toMatchObject({
      version: 1,
    });
    await expect(get()).rejects.toMatchObject({
      modeledError: { code: 404, message: "No shadow exists with name: 'board-1'" },
    });
    await expect(
      sdk.perform({
        do: 'updateNamedShadow',
        request: { ...config, state: {}, version: 9 },
      }),
    ).rejects.toMatchObject({ modeledError: { code: 409, message: 'Version conflict' } });
  });

  it('streams deltas and documents', async () => {
    await sdk.perform({ do: 'stream', kind: 'delta', request: config });
    await sdk.perform({ do: 'stream', kind: 'documents', request: config });
    const [delta, documents] = [sdk.next('delta'), sdk.next('documents')];
    await sdk.perform({
      do: 'updateNamedShadow',
      request: { ...config, state: { desired: { mode: 'on' } } },
    });
    expect(await delta).toMatchObject({ state: { mode: 'on' }, version: 1 });
    expect(await documents).toMatchObject({ current: { state: { desired: { mode: 'on' } }, version: 1 } });
  });

  it('is cut off when its certificate is revoked', async () => {
    const interrupted = sdk.next('interrupt');
    plane.cloud.registry.setStatus(board.certificateId, 'REVOKED');
    await interrupted;
  });
});
