import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FaultEffect } from '../kernel/faults.ts';
import { closed, everythingPolicy, received, type TestBoard, TestCloud } from './testing/test-cloud.ts';

let cloud: TestCloud;
let board: TestBoard;
beforeEach(async () => {
  cloud = await TestCloud.start();
  board = await cloud.board('board-1', { policy: everythingPolicy });
});
afterEach(async () => cloud.stop());

function inject(operation: string, effect: FaultEffect): void {
  cloud.environment.faults.add({ service: 'iot-broker', operation, subject: 'board-1', effect, times: 1 });
}

function route(path: string): (params: Record<string, string>, body?: unknown) => unknown {
  const found = cloud.broker.adminRoutes.find(
    (candidate) => `${candidate.method} ${candidate.path}` === path,
  );
  if (found === undefined) throw new Error(`no route ${path}`);
  return (params, body) =>
    found.handle({ params, query: new URLSearchParams(), body, signal: new AbortController().signal });
}

describe('faults', () => {
  it('refuse a connect, once', async () => {
    inject('Connect', { kind: 'drop' });
    await expect(cloud.connect(board)).rejects.toThrow('closed');
    await cloud.connect(board);
  });

  it('delay a connect', async () => {
    inject('Connect', { kind: 'delay', ms: 150 });
    const before = performance.now();
    await cloud.connect(board);
    expect(performance.now() - before).toBeGreaterThan(145);
  });

  it('lose a session', async () => {
    const client = await cloud.connect(board, { clean: false });
    await client.subscribeAsync('a', { qos: 1 });
    inject('Connect', { kind: 'custom', name: 'lose-session' });
    const again = cloud.client(board, { clean: false });
    const present = await new Promise<boolean>((resolve) => {
      again.once('connect', ({ sessionPresent }) => resolve(sessionPresent));
    });
    expect(present).toBe(false);
  });

  it.each([false, true])('drop and delay a delivery (clean session: %s)', async (clean) => {
    const client = await cloud.connect(board, { clean });
    await client.subscribeAsync('#', { qos: 1 });
    inject('Deliver', { kind: 'drop' });
    inject('Deliver', { kind: 'delay', ms: 50 });
    const texts: string[] = [];
    const done = new Promise<void>((resolve) => {
      client.on('message', (_, payload) => {
        texts.push(payload.toString());
        if (texts.length === 2) resolve();
      });
    });
    for (const payload of ['dropped', 'delayed', 'straight'])
      cloud.broker.publish({ topic: 'a', payload, qos: 1 });
    await done;
    expect(texts).toEqual(['straight', 'delayed']);
  });

  it('lose the acknowledgement of a publish that got through', async () => {
    const client = await cloud.connect(board);
    inject('Publish', { kind: 'lose-answer' });
    const arrived = cloud.message(({ topic }) => topic === 'a');
    let acknowledged = false;
    client.publish('a', 'x', { qos: 1 }, () => {
      acknowledged = true;
    });
    await arrived;
    await client.publishAsync('b', 'x', { qos: 1 });
    expect(acknowledged).toBe(false);
  });
});

describe('the admin surface', () => {
  it('lists connections, kicks a client, and forgets a session', async () => {
    const client = await cloud.connect(board, { clean: false });
    await client.subscribeAsync('a', { qos: 1 });
    expect(await route('GET /_local/mqtt/connections')({})).toMatchObject({
      connections: [{ clientId: 'board-1', cleanSession: false, subscriptions: ['a'] }],
    });
    const ended = cloud.message(({ topic }) => topic === '$aws/events/presence/disconnected/board-1');
    const end = closed(client);
    await route('POST /_local/mqtt/connections/{clientId}/kick')({ clientId: 'board-1' });
    await end;
    expect(JSON.parse((await ended).payload.toString())).toMatchObject({
      disconnectReason: 'API_INITIATED_DISCONNECT',
    });
    const again = await cloud.connect(board, { clean: false });
    const message = received(again);
    cloud.broker.publish({ topic: 'a', payload: 'still here', qos: 1 });
    await message;
    const secondEnd = closed(again);
    await route('POST /_local/mqtt/connections/{clientId}/lose-session')({ clientId: 'board-1' });
    await secondEnd;
    expect(cloud.broker.findSubscriptions('board-1')).toBeUndefined();
    expect(() => route('POST /_local/mqtt/connections/{clientId}/kick')({ clientId: 'board-1' })).toThrow(
      'board-1 is not connected',
    );
  });
});
