import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import {
  boardPolicy,
  closed,
  everythingPolicy,
  received,
  type TestBoard,
  TestCloud,
} from './testing/test-cloud.ts';

let cloud: TestCloud;
let board: TestBoard;
beforeEach(async () => {
  cloud = await TestCloud.start();
  board = await cloud.board('board-1', { policy: everythingPolicy });
});
afterEach(async () => cloud.stop());

/** Everything a client has got by the time a message on `last` arrives. */
function collect(client: MqttClient, last = 'last'): Promise<string[]> {
  const topics: string[] = [];
  return new Promise((resolve) => {
    client.on('message', (topic) => {
      if (topic === last) resolve(topics);
      else topics.push(topic);
    });
  });
}

const raw = (client: MqttClient, packet: object): void => {
  // What mqtt.js would refuse to send for us goes out by its own serialiser.
  (client as unknown as { _writePacket(packet: object): void })._writePacket(packet);
};

describe('policies', () => {
  it.each<[string, (client: MqttClient) => void]>([
    ['publishes where it may not', (client) => void client.publish('aovis/board-2/event', '{}')],
    [
      'retains where it may only publish',
      (client) => void client.publish('aovis/board-9/x', '{}', { retain: true }),
    ],
    ['subscribes where it may not', (client) => void client.subscribe('aovis/board-2/command')],
    ['asks for a wildcard no policy spells', (client) => void client.subscribe('aovis/+/command')],
    [
      'publishes what only AWS may',
      (client) => void client.publish('$aws/things/board-9/shadow/update/accepted', '{}'),
    ],
  ])('close the connection of a board that %s', async (_, act) => {
    const own = await cloud.board('board-9', {
      policy: {
        Statement: [...boardPolicy.Statement, { Effect: 'Deny', Action: 'iot:RetainPublish', Resource: '*' }],
      },
    });
    const ended = cloud.message(({ topic }) => topic.startsWith('$aws/events/presence/disconnected/'));
    const client = await cloud.connect(own);
    const end = closed(client);
    act(client);
    await end;
    expect(JSON.parse((await ended).payload.toString())).toMatchObject({ disconnectReason: 'AUTH_ERROR' });
  });

  it('keep nothing of a SUBSCRIBE that is refused in part', async () => {
    const own = await cloud.board('board-9');
    const client = await cloud.connect(own, { clean: false });
    const end = closed(client);
    client.subscribe(['aovis/board-9/command', 'aovis/board-2/command'], { qos: 1 });
    await end;
    expect(cloud.broker.sessions.subscriptionsOf('board-9')).toEqual({});
    await cloud.connect(own, { clean: false });
  });

  it('are asked again for each delivery', async () => {
    cloud.registry.setPolicies(board.certificateId, [
      everythingPolicy,
      { Statement: [{ Effect: 'Deny', Action: 'iot:Receive', Resource: '*:topic/secret/*' }] },
    ]);
    const client = await cloud.connect(board);
    await client.subscribeAsync(['secret/#', 'open/#', 'last'], { qos: 1 });
    const topics = collect(client);
    for (const topic of ['secret/a', 'open/a', 'last']) cloud.broker.publish({ topic, payload: 'x', qos: 1 });
    expect(await topics).toEqual(['open/a']);
  });

  it('follow a change while the client stays connected', async () => {
    const client = await cloud.connect(board);
    await client.publishAsync('a', '1', { qos: 1 });
    cloud.registry.setPolicies(board.certificateId, [
      everythingPolicy,
      { Statement: [{ Effect: 'Deny', Action: 'iot:Publish', Resource: '*:topic/a' }] },
    ]);
    const end = closed(client);
    client.publish('a', '2');
    await end;
  });
});

describe('topics', () => {
  it.each<[string, string, boolean]>([
    ['sensor/#', 'sensor', false],
    ['sensor/#', 'sensor/a/b', true],
    ['sensor/+', 'sensor/a', true],
    ['sensor/+', 'sensor/a/b', false],
    ['+/a', 'sensor/a', true],
    ['#', 'sensor/a', true],
    ['#', '$aws/events/presence/connected/x', false],
    ['+/events/presence/connected/x', '$aws/events/presence/connected/x', false],
    ['$aws/events/#', '$aws/events/presence/connected/x', true],
  ])('%s and %s: %s', async (filter, topic, matches) => {
    const client = await cloud.connect(board);
    await client.subscribeAsync([filter, 'last'], { qos: 1 });
    const topics = collect(client);
    cloud.broker.publish({ topic, payload: '', qos: 1 });
    cloud.broker.publish({ topic: 'last', payload: '', qos: 1 });
    expect((await topics).includes(topic)).toBe(matches);
  });

  it('deliver once to a client whose subscriptions overlap, at the lower QoS of the two sides', async () => {
    const client = await cloud.connect(board);
    await client.subscribeAsync({ 'a/#': { qos: 1 }, 'a/b': { qos: 1 }, last: { qos: 0 } });
    const levels: number[] = [];
    const done = new Promise<void>((resolve) => {
      client.on('message', (topic, _, packet) => {
        levels.push(packet.qos);
        if (topic === 'last') resolve();
      });
    });
    cloud.broker.publish({ topic: 'a/b', payload: '', qos: 1 });
    cloud.broker.publish({ topic: 'a/b', payload: '', qos: 0 });
    cloud.broker.publish({ topic: 'last', payload: '', qos: 1 });
    await done;
    expect(levels).toEqual([1, 0, 0]);
  });

  it('keep retained messages for those who name the topic, not for wildcards', async () => {
    const client = await cloud.connect(board);
    await client.publishAsync('state/1', 'on', { qos: 1, retain: true });
    await client.subscribeAsync('state/#', { qos: 1 });
    const message = received(client);
    await client.subscribeAsync('state/1', { qos: 1 });
    expect(await message).toEqual({ topic: 'state/1', text: 'on' });
    await client.publishAsync('state/1', '', { qos: 1, retain: true });
    expect(cloud.broker.sessions.findRetained('state/1')).toBeUndefined();
  });
});

describe('limits', () => {
  it.each<[string, (client: MqttClient) => void]>([
    ['a payload above 128 KB', (client) => void client.publish('a', Buffer.alloc(128 * 1024 + 1))],
    ['a topic with 8 slashes', (client) => void client.publish('1/2/3/4/5/6/7/8/9', '')],
    ['a topic above 256 bytes', (client) => void client.publish('x'.repeat(257), '')],
    [
      'a second CONNECT',
      (client) =>
        raw(client, {
          cmd: 'connect',
          protocolId: 'MQTT',
          protocolVersion: 4,
          clean: true,
          clientId: 'board-1',
          keepalive: 60,
        }),
    ],
    ['9 filters in one SUBSCRIBE', (client) => void client.subscribe('123456789'.split(''))],
    [
      'RETAIN on a reserved topic',
      (client) => void client.publish('$aws/things/board-1/shadow/get', '', { retain: true }),
    ],
  ])('%s ends the connection', async (_, act) => {
    const ended = cloud.message(({ topic }) => topic.startsWith('$aws/events/presence/disconnected/'));
    const client = await cloud.connect(board);
    const end = closed(client);
    act(client);
    await end;
    expect(JSON.parse((await ended).payload.toString())).toMatchObject({ disconnectReason: 'CLIENT_ERROR' });
  });

  it('take what is just inside them', async () => {
    const client = await cloud.connect(board);
    await client.publishAsync('a', Buffer.alloc(128 * 1024), { qos: 1 });
    await client.publishAsync('1/2/3/4/5/6/7/8', '', { qos: 1 });
    await client.publishAsync('$aws/rules/any/1/2/3/4/5/6/7/8', '', { qos: 1 });
    await client.subscribeAsync('12345678'.split(''), { qos: 1 });
    expect(client.connected).toBe(true);
  });

  it('allow 50 subscriptions on a connection', async () => {
    const client = await cloud.connect(board);
    for (let i = 0; i < 50; i += 5)
      await client.subscribeAsync(
        [0, 1, 2, 3, 4].map((j) => `t/${i + j}`),
        { qos: 1 },
      );
    await client.subscribeAsync('t/0', { qos: 0 });
    const end = closed(client);
    client.subscribe('t/50');
    await end;
  });

  it('discard what exceeds 100 publishes a second, unacknowledged', async () => {
    const client = await cloud.connect(board);
    let arrived = 0;
    cloud.broker.tap(({ clientId }) => {
      if (clientId === 'board-1') arrived += 1;
    });
    for (let i = 0; i < 300; i += 1) client.publish('flood', '', { qos: 0 });
    // Answered after everything before it was looked at.
    await client.subscribeAsync('after');
    expect(arrived).toBeGreaterThanOrEqual(100);
    expect(arrived).toBeLessThan(300);
  });

  it('ignore QoS 2: no delivery, no answer, no end', async () => {
    const client = await cloud.connect(board);
    const answers: string[] = [];
    client.on('packetreceive', ({ cmd }) => answers.push(cmd));
    await client.subscribeAsync(['two', 'last'], { qos: 1 });
    const topics = collect(client);
    raw(client, {
      cmd: 'publish',
      topic: 'two',
      payload: 'x',
      qos: 2,
      messageId: 7,
      dup: false,
      retain: false,
    });
    raw(client, { cmd: 'subscribe', messageId: 8, subscriptions: [{ topic: 'more', qos: 2 }] });
    await client.publishAsync('last', '', { qos: 1 });
    expect(await topics).toEqual([]);
    expect(answers).not.toContain('pubrec');
    expect(answers.filter((cmd) => cmd === 'suback')).toHaveLength(1);
    expect(cloud.broker.findSubscriptions('board-1')).toEqual({ two: 1, last: 1 });
  });
});

describe('a persistent session', () => {
  const persistent = { clean: false, resubscribe: false } as const;

  async function subscribed(...filters: string[]): Promise<void> {
    const client = await cloud.connect(board, persistent);
    await client.subscribeAsync(filters, { qos: 1 });
    await leave(client);
  }

  async function leave(client: MqttClient): Promise<void> {
    const ended = cloud.message(({ topic }) => topic === '$aws/events/presence/disconnected/board-1');
    await client.endAsync();
    await ended;
  }

  /** Connects again, collecting from the very first packet. */
  async function comeBack(): Promise<{ client: MqttClient; topics: Promise<string[]>; present: boolean }> {
    const client = cloud.client(board, persistent);
    const topics = collect(client);
    const present = await new Promise<boolean>((resolve) => {
      client.once('connect', ({ sessionPresent }) => resolve(sessionPresent));
    });
    return { client, topics, present };
  }

  it('keeps subscriptions and QoS 1 messages, in order, and nothing of QoS 0', async () => {
    await subscribed('a/#', 'last');
    for (const topic of ['a/1', 'a/2', 'a/3']) cloud.broker.publish({ topic, payload: topic, qos: 1 });
    cloud.broker.publish({ topic: 'a/0', payload: '', qos: 0 });
    const { topics, present } = await comeBack();
    cloud.broker.publish({ topic: 'last', payload: '', qos: 1 });
    expect(present).toBe(true);
    expect(await topics).toEqual(['a/1', 'a/2', 'a/3']);
  });

  it('is present without subscriptions, from the second connection on', async () => {
    const { client, present } = await comeBack();
    expect(present).toBe(false);
    await leave(client);
    expect((await comeBack()).present).toBe(true);
    expect(cloud.broker.findSubscriptions('board-1')).toEqual({});
  });

  it('survives a restart of the broker', async () => {
    await subscribed('a/#', 'last');
    cloud.broker.publish({ topic: 'a/1', payload: 'kept', qos: 1 });
    cloud.broker.publish({ topic: 'kept', payload: 'retained', qos: 1, retain: true });
    await cloud.restartBroker();
    cloud.broker.publish({ topic: 'a/2', payload: 'new', qos: 1 });
    const { client, topics, present } = await comeBack();
    cloud.broker.publish({ topic: 'last', payload: '', qos: 1 });
    expect(present).toBe(true);
    expect(await topics).toEqual(['a/1', 'a/2']);
    const retained = received(client);
    await client.subscribeAsync('kept');
    expect((await retained).text).toBe('retained');
  });

  it('delivers again what was not acknowledged, marked as a duplicate', async () => {
    const client = await cloud.connect(board, persistent);
    await client.subscribeAsync(['a', 'last'], { qos: 1 });
    const end = closed(client);
    client.on('packetreceive', ({ cmd }) => {
      if (cmd === 'publish') client.stream.destroy();
    });
    cloud.broker.publish({ topic: 'a', payload: 'x', qos: 1 });
    await end;
    const again = cloud.client(board, persistent);
    const [dup, text] = await new Promise<[boolean, string]>((resolve) => {
      again.once('message', (_, payload, packet) => resolve([packet.dup, payload.toString()]));
    });
    expect([dup, text]).toEqual([true, 'x']);
    await again.publishAsync('sync', '', { qos: 1 });
    expect(cloud.broker.sessions.waiting('board-1')).toEqual([]);
  });

  it('ends an hour after the client left', async () => {
    await subscribed('a');
    cloud.broker.publish({ topic: 'a', payload: 'x', qos: 1 });
    cloud.environment.clock.shift(3_600_001);
    expect((await comeBack()).present).toBe(false);
    expect(cloud.broker.sessions.waiting('board-1')).toEqual([]);
  });

  it('ends with a clean connection', async () => {
    await subscribed('a');
    await leave(await cloud.connect(board, { clean: true }));
    expect((await comeBack()).present).toBe(false);
  });

  it('is not restored where policies changed, and the connection stands', async () => {
    await subscribed('a', 'last');
    cloud.registry.setPolicies(board.certificateId, [
      everythingPolicy,
      { Statement: [{ Effect: 'Deny', Action: 'iot:Subscribe', Resource: '*/a' }] },
    ]);
    const { client } = await comeBack();
    expect(cloud.broker.findSubscriptions('board-1')).toEqual({ last: 1 });
    expect(client.connected).toBe(true);
  });

  it('is paced when it is played back', async () => {
    await cloud.stop();
    cloud = await TestCloud.start({ replayPerSecond: 50 });
    board = await cloud.board('board-1', { policy: everythingPolicy });
    await subscribed('a/#', 'last');
    for (let i = 0; i < 11; i += 1) cloud.broker.publish({ topic: `a/${i}`, payload: '', qos: 1 });
    const client = cloud.client(board, persistent);
    const times: number[] = [];
    await new Promise<void>((resolve) => {
      client.on('message', () => {
        times.push(performance.now());
        if (times.length === 11) resolve();
      });
    });
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(180);
  });
});
