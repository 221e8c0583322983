import {
  DeleteConnectionCommand,
  DeleteThingShadowCommand,
  GetConnectionCommand,
  GetRetainedMessageCommand,
  GetThingShadowCommand,
  ListNamedShadowsForThingCommand,
  ListRetainedMessagesCommand,
  ListSubscriptionsCommand,
  PublishCommand,
  UpdateThingShadowCommand,
} from '@aws-sdk/client-iot-data-plane';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { closed, everythingPolicy, received } from '../iot-broker/testing/test-cloud.ts';
import { TestDataPlane } from './testing/test-data-plane.ts';

let plane: TestDataPlane;
beforeEach(async () => {
  plane = await TestDataPlane.start();
});
afterEach(async () => plane.stop());

const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const parsed = (payload: Uint8Array | undefined): Record<string, unknown> =>
  JSON.parse(Buffer.from(payload ?? []).toString('utf8')) as Record<string, unknown>;

async function update(state: unknown, shadowName?: string): Promise<Record<string, unknown>> {
  const { payload } = await plane.sdk.send(
    new UpdateThingShadowCommand({ thingName: 'board-1', shadowName, payload: bytes({ state }) }),
  );
  return parsed(payload);
}

describe('AWS’s own data plane client', () => {
  it('updates, reads, lists and deletes shadows', async () => {
    expect(await update({ desired: { a: 1 } })).toMatchObject({ state: { desired: { a: 1 } }, version: 1 });
    for (const name of ['config', 'b', 'a']) await update({ reported: { name } }, name);
    const { payload } = await plane.sdk.send(new GetThingShadowCommand({ thingName: 'board-1' }));
    expect(parsed(payload)).toMatchObject({ state: { desired: { a: 1 }, delta: { a: 1 } }, version: 1 });

    const list = async (nextToken?: string) =>
      plane.sdk.send(new ListNamedShadowsForThingCommand({ thingName: 'board-1', pageSize: 2, nextToken }));
    const first = await list();
    expect(first.results).toEqual(['a', 'b']);
    const second = await list(first.nextToken);
    expect([second.results, second.nextToken]).toEqual([['config'], undefined]);
    expect(
      (await plane.sdk.send(new ListNamedShadowsForThingCommand({ thingName: 'nobody' }))).results,
    ).toEqual([]);

    const deleted = await plane.sdk.send(
      new DeleteThingShadowCommand({ thingName: 'board-1', shadowName: 'config' }),
    );
    expect(parsed(deleted.payload)).toEqual({ version: 1, timestamp: expect.any(Number) });
  });

  it.each<[string, number, () => Promise<unknown>]>([
    [
      'ResourceNotFoundException',
      404,
      async () => plane.sdk.send(new GetThingShadowCommand({ thingName: 'x' })),
    ],
    ['InvalidRequestException', 400, async () => update(5)],
    [
      'InvalidRequestException',
      400,
      async () => plane.sdk.send(new ListNamedShadowsForThingCommand({ thingName: 'x', pageSize: 101 })),
    ],
    ['InvalidRequestException', 400, async () => update({}, 'no/name')],
    ['RequestEntityTooLargeException', 413, async () => update({ desired: { a: 'x'.repeat(9000) } })],
    [
      'ConflictException',
      409,
      async () =>
        plane.sdk.send(
          new UpdateThingShadowCommand({ thingName: 'x', payload: bytes({ state: {}, version: 4 }) }),
        ),
    ],
    [
      'UnsupportedDocumentEncodingException',
      415,
      async () =>
        plane.sdk.send(new UpdateThingShadowCommand({ thingName: 'x', payload: Buffer.from([0xff]) })),
    ],
    ['InvalidRequestException', 400, async () => plane.sdk.send(new PublishCommand({ topic: 'a/#' }))],
    [
      'ForbiddenException',
      403,
      async () => plane.sdk.send(new PublishCommand({ topic: '$aws/events/presence/connected/x' })),
    ],
    [
      'ResourceNotFoundException',
      404,
      async () => plane.sdk.send(new GetConnectionCommand({ clientId: 'x' })),
    ],
    [
      'ResourceNotFoundException',
      404,
      async () => plane.sdk.send(new GetRetainedMessageCommand({ topic: 'a/b' })),
    ],
  ])('understands %s (%i)', async (name, status, act) => {
    await expect(act()).rejects.toMatchObject({ name, $metadata: { httpStatusCode: status } });
  });

  it('knows no other verbs and paths', async () => {
    const { protocol, hostname, port } = (await plane.sdk.config.endpoint?.()) ?? {};
    const response = await fetch(`${protocol}//${hostname}:${port}/things/x/shadow`, { method: 'PUT' });
    expect([response.status, response.headers.get('x-amzn-errortype')]).toEqual([
      405,
      'MethodNotAllowedException',
    ]);
  });

  it('publishes, and sees what is retained', async () => {
    const board = await plane.cloud.board('board-1', { policy: everythingPolicy });
    const client = await plane.cloud.connect(board);
    await client.subscribeAsync('aovis/board-1/command', { qos: 1 });
    const message = received(client);
    await plane.sdk.send(
      new PublishCommand({
        topic: 'aovis/board-1/command',
        qos: 1,
        retain: true,
        payload: Buffer.from('go'),
      }),
    );
    expect(await message).toEqual({ topic: 'aovis/board-1/command', text: 'go' });
    const kept = await plane.sdk.send(new GetRetainedMessageCommand({ topic: 'aovis/board-1/command' }));
    expect(kept).toMatchObject({ topic: 'aovis/board-1/command', qos: 1 });
    expect(Buffer.from(kept.payload ?? []).toString()).toBe('go');
    expect((await plane.sdk.send(new ListRetainedMessagesCommand({}))).retainedTopics).toEqual([
      { topic: 'aovis/board-1/command', payloadSize: 2, qos: 1, lastModifiedTime: expect.any(Number) },
    ]);
  });

  it('asks after a connection, lists its subscriptions and ends it', async () => {
    const board = await plane.cloud.board('board-1', { policy: everythingPolicy });
    const client = await plane.cloud.connect(board, {
      clean: false,
      keepalive: 60,
      will: { topic: 'aovis/board-1/lwt', payload: Buffer.from('{}'), qos: 1, retain: false },
    });
    await client.subscribeAsync({ a: { qos: 1 }, b: { qos: 0 } });
    const ask = async (includeSocketInformation = false) =>
      plane.sdk.send(new GetConnectionCommand({ clientId: 'board-1', includeSocketInformation }));
    expect(await ask(true)).toMatchObject({
      connected: true,
      clientId: 'board-1',
      thingName: 'board-1',
      cleanSession: false,
      keepAliveDuration: 60,
      sessionExpiry: 3600,
      connectedSince: expect.any(Number),
      sourceIp: '127.0.0.1',
      sourcePort: expect.any(Number),
      targetPort: plane.cloud.broker.port,
    });
    expect(await ask()).not.toHaveProperty('sourceIp');
    const { subscriptions } = await plane.sdk.send(new ListSubscriptionsCommand({ clientId: 'board-1' }));
    expect(subscriptions).toEqual([
      { topicFilter: 'a', qos: 1 },
      { topicFilter: 'b', qos: 0 },
    ]);
    const wills: string[] = [];
    plane.cloud.broker.tap(({ topic }) => wills.push(topic));
    const end = closed(client);
    const gone = plane.cloud.message(({ topic }) => topic.startsWith('$aws/events/presence/disconnected/'));
    await plane.sdk.send(
      new DeleteConnectionCommand({ clientId: 'board-1', cleanSession: true, preventWillMessage: true }),
    );
    await Promise.all([end, gone]);
    expect(wills).not.toContain('aovis/board-1/lwt');
    expect(await ask()).toMatchObject({
      connected: false,
      disconnectReason: 'API_INITIATED_DISCONNECT',
      disconnectedSince: expect.any(Number),
    });
    await expect(plane.sdk.send(new ListSubscriptionsCommand({ clientId: 'board-1' }))).rejects.toMatchObject(
      { name: 'ResourceNotFoundException' },
    );
    plane.cloud.environment.clock.shift(31 * 60_000);
    // Nothing is known any more after half an hour.
    const late = plane.client({ systemClockOffset: 31 * 60_000 });
    await expect(late.send(new GetConnectionCommand({ clientId: 'board-1' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    late.destroy();
  });

  it('is turned away with a wrong secret', async () => {
    const stranger = plane.client({
      credentials: { accessKeyId: 'AKIDLOCAL', secretAccessKey: 'wrong' },
    });
    await expect(stranger.send(new GetThingShadowCommand({ thingName: 'x' }))).rejects.toMatchObject({
      name: 'InvalidSignatureException',
    });
    stranger.destroy();
  });

  it('acts for a role only as far as its policy goes', async () => {
    const { accessKeys } = plane.cloud.environment;
    accessKeys.add({
      accessKeyId: 'ASIAROLE',
      secretAccessKey: 'role-secret',
      sessionToken: 'token',
      expiresAt: Date.now() + 60_000,
      principal: {
        kind: 'role',
        accessKeyId: 'ASIAROLE',
        roleName: 'nothing-allowed',
        thingName: 'board-1',
        certificateId: 'c'.repeat(64),
      },
    });
    const role = plane.client({
      credentials: { accessKeyId: 'ASIAROLE', secretAccessKey: 'role-secret', sessionToken: 'token' },
    });
    await expect(role.send(new GetThingShadowCommand({ thingName: 'board-1' }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
    role.destroy();
  });
});
