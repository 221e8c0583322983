import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { closed, everythingPolicy, received, type TestBoard, TestCloud } from './testing/test-cloud.ts';

let cloud: TestCloud;
beforeEach(async () => {
  cloud = await TestCloud.start();
});
afterEach(async () => cloud.stop());

/** How a TLS handshake and what follows it ends. */
async function handshake(board: TestBoard, options: ConnectionOptions = {}): Promise<TLSSocket | string> {
  return new Promise((resolve) => {
    const socket = tlsConnect({
      host: 'localhost',
      port: cloud.broker.port,
      ca: cloud.environment.pki.rootCaPem,
      key: board.keyPem,
      cert: board.certificatePem,
      servername: 'localhost',
      ...options,
    });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

const refused = 'The broker closed the connection';

describe('TLS', () => {
  it('speaks 1.2 and 1.3, and answers ALPN x-amzn-mqtt-ca', async () => {
    const board = await cloud.board('board-1');
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await handshake(board, { maxVersion, ALPNProtocols: ['h2', 'x-amzn-mqtt-ca'] });
      if (typeof socket === 'string') throw new Error(socket);
      expect(socket.getProtocol()).toBe(maxVersion);
      expect(socket.alpnProtocol).toBe('x-amzn-mqtt-ca');
      socket.destroy();
    }
  });

  it('refuses older versions and foreign protocols', async () => {
    const board = await cloud.board('board-1');
    expect(typeof (await handshake(board, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }))).toBe('string');
    expect(await handshake(board, { ALPNProtocols: ['h2'] })).toBe(
      'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    );
  });

  it('wants a name where told to', async () => {
    await cloud.stop();
    cloud = await TestCloud.start({ requireSni: true });
    const board = await cloud.board('board-1');
    await cloud.connect(board);
    await expect(cloud.connect(board, { host: '127.0.0.1', servername: '' })).rejects.toThrow(refused);
  });
});

describe('the registry', () => {
  it('lets a registered board in, and its messages through', async () => {
    const board = await cloud.connect(await cloud.board('board-1'));
    await board.subscribeAsync('aovis/board-1/command', { qos: 1 });
    const message = received(board);
    cloud.broker.publish({ topic: 'aovis/board-1/command', payload: 'go', qos: 1 });
    expect(await message).toEqual({ topic: 'aovis/board-1/command', text: 'go' });
  });

  it('refuses unknown, inactive and missing certificates', async () => {
    await expect(cloud.connect(await cloud.board('stranger', { registered: false }))).rejects.toThrow(
      refused,
    );
    const board = await cloud.board('board-1');
    cloud.registry.setStatus(board.certificateId, 'INACTIVE');
    await expect(cloud.connect(board)).rejects.toThrow(refused);
    const options = { host: 'localhost', port: cloud.broker.port, ca: cloud.environment.pki.rootCaPem };
    await new Promise<void>((resolve) => {
      const bare = tlsConnect(options);
      bare.on('error', () => undefined);
      bare.once('close', () => resolve());
    });
  });

  it('refuses a certificate before its time and after it', async () => {
    const board = await cloud.board('board-1');
    const daysMs = 86_400_000;
    for (const shift of [-2 * daysMs, 30 * 365 * daysMs]) {
      cloud.environment.clock.shift(shift);
      await expect(cloud.connect(board)).rejects.toThrow(refused);
    }
  });

  it('registers a certificate of a known CA just in time, and refuses it until it is active', async () => {
    cloud.registry.justInTimeCa = 'ca-1';
    const identity = await cloud.identity();
    const board = { thingName: 'new-board', certificateId: '', ...identity };
    const event = cloud.message(({ topic }) => topic === '$aws/events/certificates/registered/ca-1');
    await expect(cloud.connect(board)).rejects.toThrow(refused);
    expect(JSON.parse((await event).payload.toString())).toEqual({
      certificateId: expect.stringMatching(/^[0-9a-f]{64}$/),
      caCertificateId: 'ca-1',
      timestamp: expect.any(Number),
      certificateStatus: 'PENDING_ACTIVATION',
      awsAccountId: '000000000000',
      certificateRegistrationTimestamp: expect.any(String),
    });
  });

  it.each<[string, (certificateId: string) => void]>([
    ['deactivated', (id) => cloud.registry.setStatus(id, 'INACTIVE')],
    ['revoked', (id) => cloud.registry.setStatus(id, 'REVOKED')],
    ['deleted', (id) => cloud.registry.deleteCertificate(id)],
    ['left without a policy', (id) => cloud.registry.setPolicies(id, [])],
  ])('disconnects every client of a certificate that is %s, within a second', async (_, change) => {
    const board = await cloud.board('board-1', { policy: everythingPolicy });
    const clients = [await cloud.connect(board), await cloud.connect(board, { clientId: 'second' })];
    const other = await cloud.connect(await cloud.board('board-2'));
    const ends = clients.map(async (client) => closed(client));
    const before = Date.now();
    change(board.certificateId);
    await Promise.all(ends);
    expect(Date.now() - before).toBeLessThan(1000);
    expect(other.connected).toBe(true);
    await expect(cloud.connect(board)).rejects.toThrow(refused);
  });
});

describe('CONNECT', () => {
  it('needs iot:Connect on the client id, which the thing policy ties to the thing', async () => {
    const board = await cloud.board('board-1');
    const event = cloud.message(({ topic }) => topic === '$aws/events/presence/connect_failed/board-2');
    await expect(cloud.connect(board, { clientId: 'board-2' })).rejects.toThrow(refused);
    expect(JSON.parse((await event).payload.toString())).toMatchObject({
      clientId: 'board-2',
      eventType: 'connect_failed',
      connectFailureReason: 'AUTHORIZATION_FAILED',
      principalIdentifier: board.certificateId,
    });
  });

  it('publishes no lifecycle events for a client id that makes no topic', async () => {
    const board = await cloud.board('board-1', { policy: everythingPolicy });
    const told: string[] = [];
    const stop = cloud.broker.tap(({ topic }) => told.push(topic));
    await (await cloud.connect(board, { clientId: 'board+1' })).endAsync();
    await cloud.connect(board, { clientId: 'board-2' });
    stop();
    expect(told).toEqual(['$aws/events/presence/connected/board-2']);
  });

  it('takes a thing that is attached exclusively under any client id', async () => {
    const board = await cloud.board('board-1', { exclusive: true });
    cloud.registry.setPolicies(board.certificateId, [
      {
        Statement: [
          { Effect: 'Allow', Action: 'iot:Connect', Resource: '*' },
          { Effect: 'Allow', Action: 'iot:Publish', Resource: `*:topic/\${iot:Connection.Thing.ThingName}` },
        ],
      },
    ]);
    const connected = cloud.message(({ topic }) => topic === '$aws/events/presence/connected/any-name');
    const client = await cloud.connect(board, { clientId: 'any-name' });
    await client.publishAsync('board-1', 'x', { qos: 1 });
    expect(JSON.parse((await connected).payload.toString())).toMatchObject({ thingName: 'board-1' });
  });

  it('answers 5 to a refused client when told to answer', async () => {
    await cloud.stop();
    cloud = await TestCloud.start({ refusal: 'connack' });
    const board = await cloud.board('board-1');
    const client = cloud.client(board, { clientId: 'board-2' });
    const error = await new Promise<Error & { code?: number }>((resolve) => client.once('error', resolve));
    expect(error.code).toBe(5);
    await expect(cloud.connect(board)).resolves.toBeDefined();
  });

  it.each(['$board', 'x'.repeat(129)])('refuses the client id %s', async (clientId) => {
    const board = await cloud.board('board-1', { policy: everythingPolicy });
    await expect(cloud.connect(board, { clientId })).rejects.toThrow(refused);
  });

  it('speaks neither MQTT 5 nor 3.1', async () => {
    const board = await cloud.board('board-1');
    await expect(cloud.connect(board, { protocolVersion: 5 })).rejects.toThrow(refused);
    await expect(cloud.connect(board, { protocolVersion: 3, protocolId: 'MQIsdp' })).rejects.toThrow(refused);
  });

  it('needs permission for a persistent session where a policy restricts that', async () => {
    const board = await cloud.board('board-1', {
      policy: {
        Statement: [
          {
            Effect: 'Allow',
            Action: 'iot:Connect',
            Resource: '*',
            Condition: { 'ForAllValues:StringEquals': { 'iot:ConnectAttributes': ['LastWill'] } },
          },
        ],
      },
    });
    await expect(cloud.connect(board, { clean: false })).rejects.toThrow(refused);
    await cloud.connect(board, { clean: true });
  });

  it('is judged by its last will too when policies change later', async () => {
    const withWill = (value: string) => ({
      Statement: [
        {
          Effect: 'Allow' as const,
          Action: 'iot:*',
          Resource: '*',
          Condition: { 'ForAnyValue:StringEquals': { 'iot:ConnectAttributes': [value] } },
        },
        { Effect: 'Allow' as const, Action: ['iot:Publish', 'iot:RetainPublish'], Resource: '*' },
      ],
    });
    const board = await cloud.board('board-1', { policy: withWill('LastWill') });
    const client = await cloud.connect(board, {
      will: { topic: 'last/will', payload: Buffer.from('gone'), qos: 1, retain: false },
    });
    cloud.registry.setPolicies(board.certificateId, [withWill('LastWill')]);
    await client.publishAsync('still/here', '', { qos: 1 });
    const end = closed(client);
    cloud.registry.setPolicies(board.certificateId, [withWill('PersistentConnect')]);
    await end;
  });

  it('keeps the keep-alive between its bounds, and ends a client that is silent for 1.5 of it', async () => {
    await cloud.stop();
    cloud = await TestCloud.start({ keepAlive: { minSeconds: 0.1, maxSeconds: 0.2 } });
    const board = await cloud.board('board-1');
    const gone = cloud.message(({ topic }) => topic.startsWith('$aws/events/presence/disconnected/'));
    await cloud.connect(board, { keepalive: 0 });
    expect(cloud.broker.findPresence('board-1')?.keepAliveSeconds).toBe(0.2);
    expect(JSON.parse((await gone).payload.toString())).toMatchObject({
      disconnectReason: 'MQTT_KEEP_ALIVE_TIMEOUT',
    });
  });
});

describe('presence', () => {
  const presence = (type: string) =>
    cloud.message(({ topic }) => topic === `$aws/events/presence/${type}/board-1`);
  const parsed = async (message: ReturnType<typeof presence>): Promise<Record<string, unknown>> =>
    JSON.parse((await message).payload.toString()) as Record<string, unknown>;

  it('tells of a connection’s begin and its end by the client itself', async () => {
    const board = await cloud.board('board-1');
    const [begun, ended] = [presence('connected'), presence('disconnected')];
    const client = await cloud.connect(board);
    await client.endAsync();
    const begin = await parsed(begun);
    expect(begin).toEqual({
      clientId: 'board-1',
      timestamp: expect.any(Number),
      eventType: 'connected',
      sessionIdentifier: expect.stringMatching(/^[0-9a-f-]{36}$/),
      principalIdentifier: board.certificateId,
      ipAddress: '127.0.0.1',
      versionNumber: 0,
    });
    expect(await parsed(ended)).toEqual({
      clientId: 'board-1',
      timestamp: expect.any(Number),
      eventType: 'disconnected',
      sessionIdentifier: begin['sessionIdentifier'],
      principalIdentifier: board.certificateId,
      clientInitiatedDisconnect: true,
      disconnectReason: 'CLIENT_INITIATED_DISCONNECT',
      versionNumber: 0,
    });
  });

  it('counts connections up, and starts over after an hour away', async () => {
    const board = await cloud.board('board-1');
    for (const [versionNumber, awayMs] of [
      [0, 0],
      [1, 60_000],
      [0, 3_700_000],
    ]) {
      cloud.environment.clock.shift(cloud.environment.clock.offsetMs + (awayMs ?? 0));
      const [begun, ended] = [presence('connected'), presence('disconnected')];
      const client = await cloud.connect(board);
      expect(await parsed(begun)).toMatchObject({ versionNumber });
      await client.endAsync();
      await ended;
    }
  });

  it('knows a lost connection, and publishes the last will for it', async () => {
    const board = await cloud.board('board-1');
    const will = cloud.message(({ topic }) => topic === 'aovis/board-1/lwt');
    const ended = presence('disconnected');
    const client = await cloud.connect(board, {
      will: { topic: 'aovis/board-1/lwt', payload: Buffer.from('{"online":false}'), qos: 1, retain: false },
    });
    client.stream.destroy();
    expect(await parsed(ended)).toMatchObject({
      disconnectReason: 'CONNECTION_LOST',
      clientInitiatedDisconnect: false,
    });
    expect((await will).payload.toString()).toBe('{"online":false}');
  });

  it('publishes no will to a topic that is not allowed', async () => {
    const board = await cloud.board('board-1');
    const topics: string[] = [];
    cloud.broker.tap(({ topic }) => topics.push(topic));
    const ended = presence('disconnected');
    const client = await cloud.connect(board, {
      will: { topic: 'aovis/board-2/lwt', payload: Buffer.from('{}'), qos: 1, retain: false },
    });
    client.stream.destroy();
    await ended;
    cloud.broker.publish({ topic: 'after', payload: '' });
    expect(topics).not.toContain('aovis/board-2/lwt');
  });

  it('lets a newer connection take the client id over', async () => {
    const board = await cloud.board('board-1');
    const first = await cloud.connect(board);
    const [ended, firstClosed] = [presence('disconnected'), closed(first)];
    const begun = presence('connected');
    const second = await cloud.connect(board);
    await firstClosed;
    expect(await parsed(ended)).toMatchObject({ disconnectReason: 'DUPLICATE_CLIENTID', versionNumber: 0 });
    expect(await parsed(begun)).toMatchObject({ versionNumber: 1 });
    expect(second.connected).toBe(true);
    expect(cloud.broker.connections()).toHaveLength(1);
    expect(cloud.broker.findPresence('board-1')?.disconnectedAt).toBeUndefined();
  });

  it('survives many takeovers at once with one connection left', async () => {
    const board = await cloud.board('board-1');
    const settled = await Promise.allSettled(
      Array.from({ length: 20 }, async () => cloud.connect(board, { clean: false })),
    );
    expect(settled.some(({ status }) => status === 'fulfilled')).toBe(true);
    const last = await cloud.connect(board);
    await last.publishAsync('aovis/board-1/event', '{}', { qos: 1 });
    expect(cloud.broker.connections()).toHaveLength(1);
  });

  it('ends what a killed broker left open, when it comes back', async () => {
    const board = await cloud.board('board-1');
    const client = await cloud.connect(board);
    const table = cloud.environment.store.table<object>('iot-broker.presence');
    const open = table.get('board-1');
    if (open === undefined) throw new Error('no presence');
    await client.endAsync(true);
    await cloud.broker.stop();
    table.put('board-1', open);
    await cloud.restartBroker();
    expect(cloud.broker.findPresence('board-1')).toMatchObject({ disconnectReason: 'SERVER_ERROR' });
  });
});
