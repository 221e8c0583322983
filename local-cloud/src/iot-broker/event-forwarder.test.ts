import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { closed, everythingPolicy, TestCloud } from './testing/test-cloud.ts';

interface Post {
  body: string;
  timestamp: string;
  signature: string;
}

/** The backend's end: keeps what is posted, answers what it is told to. */
class Endpoint {
  readonly posts: Post[] = [];
  answers: number[] = [];
  readonly #server: Server;
  #waiting: (() => void)[] = [];

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        this.posts.push({
          body: Buffer.concat(chunks).toString('utf8'),
          timestamp: String(request.headers['x-aovis-timestamp']),
          signature: String(request.headers['x-aovis-signature']),
        });
        response.writeHead(this.answers.shift() ?? 200).end('{}');
        for (const wake of this.#waiting.splice(0)) wake();
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/iot-event`;
  }

  async until(enough: (posts: Post[]) => boolean): Promise<void> {
    while (!enough(this.posts)) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

const secret = 'shared-secret';
let cloud: TestCloud;
let endpoint: Endpoint;
let url: string;
beforeEach(async () => {
  cloud = await TestCloud.start();
  endpoint = new Endpoint();
  url = await endpoint.listen();
});
afterEach(async () => {
  await cloud.stop();
  await endpoint.close();
});

async function admin(path: string, body?: unknown): Promise<unknown> {
  const route = cloud.broker.adminRoutes.find(
    (candidate) => `${candidate.method} ${candidate.path}` === path,
  );
  return route?.handle({
    params: {},
    query: new URLSearchParams(),
    body,
    signal: new AbortController().signal,
  });
}

/** Until the forwarder has seen the answers to everything. */
async function settled(): Promise<void> {
  for (;;) {
    const status = await admin('GET /_local/event-forwarder');
    if ((status as { waiting: number }).waiting === 0) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const configure = async (): Promise<unknown> => admin('PUT /_local/event-forwarder', { url, secret });
const say = (topic: string, payload: unknown): void =>
  cloud.broker.publish({ topic, payload: JSON.stringify(payload), qos: 1 });
const bodies = (): Record<string, unknown>[] =>
  endpoint.posts.map(({ body }) => JSON.parse(body) as Record<string, unknown>);

describe('the event forwarder', () => {
  it('posts events, telemetry, last wills, answers to commands, proofs and presence, signed, and nothing else', async () => {
    await configure();
    say('aovis/board-1/event', { event_id: '1' });
    say('aovis/board-1/telemetry', [1]);
    say('aovis/board-1/lwt', { online: false });
    say('aovis/board-1/command', { id: '2' });
    say('aovis/board-1/command/2/ack', { id: '2' });
    say('aovis/board-1/command/2/3/ack', { id: '3' });
    say('aovis/board-1/binding/challenge', { claim_id: '4' });
    say('aovis/board-1/binding/proof', { claim_id: '4' });
    say('$aws/events/presence/connect_failed/board-1', {});
    say('$aws/events/presence/connected/board-1', { clientId: 'board-1' });
    await endpoint.until((posts) => posts.length === 6);
    expect(bodies()).toEqual(
      [
        ['event', 'aovis/board-1/event', { event_id: '1' }],
        ['telemetry', 'aovis/board-1/telemetry', [1]],
        ['lwt', 'aovis/board-1/lwt', { online: false }],
        ['command_ack', 'aovis/board-1/command/2/ack', { id: '2' }],
        ['binding_proof', 'aovis/board-1/binding/proof', { claim_id: '4' }],
        ['presence', '$aws/events/presence/connected/board-1', { clientId: 'board-1' }],
      ].map(([kind, topic, payload]) => ({
        kind,
        thing: 'board-1',
        topic,
        received_at: expect.any(Number),
        payload,
      })),
    );
    for (const { body, timestamp, signature } of endpoint.posts) {
      expect(signature).toBe(createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex'));
      expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(5);
    }
  });

  it('carries a real board’s connection from begin to end', async () => {
    await configure();
    const board = await cloud.board('board-1', { policy: everythingPolicy });
    const client = await cloud.connect(board);
    await client.publishAsync('aovis/board-1/event', '{"event_id":"1"}', { qos: 1 });
    await client.endAsync();
    await closed(client);
    await endpoint.until((posts) => posts.length === 3);
    expect(bodies().map(({ kind, topic }) => [kind, topic])).toEqual([
      ['presence', '$aws/events/presence/connected/board-1'],
      ['event', 'aovis/board-1/event'],
      ['presence', '$aws/events/presence/disconnected/board-1'],
    ]);
  });

  it('keeps each board’s order through failures, without one board holding up another', async () => {
    endpoint.answers = [503, 500, 429];
    await configure();
    for (let i = 0; i < 5; i += 1) say('aovis/board-1/event', i);
    await endpoint.until((posts) => posts.length === 8);
    expect(bodies().map(({ payload }) => payload)).toEqual([0, 0, 0, 0, 1, 2, 3, 4]);
    await settled();
    // A retry repeats the bytes.
    expect(new Set(endpoint.posts.slice(0, 4).map(({ body }) => body)).size).toBe(1);
    expect(await admin('GET /_local/event-forwarder')).toMatchObject({
      url,
      waiting: 0,
      forwarded: 5,
      retried: 3,
      refused: 0,
    });
  });

  it('gives up what the endpoint refuses for good, and what is no JSON', async () => {
    endpoint.answers = [400];
    await configure();
    say('aovis/board-1/event', 'refused');
    cloud.broker.publish({ topic: 'aovis/board-1/event', payload: 'no JSON' });
    say('aovis/board-1/event', 'taken');
    await settled();
    expect(await admin('GET /_local/event-forwarder')).toMatchObject({ refused: 1, unreadable: 1 });
  });

  it('keeps what it could not deliver through a restart, endpoint and all', async () => {
    say('aovis/board-1/event', 1);
    say('aovis/board-1/event', 2);
    expect(await admin('GET /_local/event-forwarder')).toMatchObject({ waiting: 2 });
    endpoint.answers = [503];
    await configure();
    await endpoint.until((posts) => posts.length === 1);
    await cloud.restartBroker();
    say('aovis/board-1/event', 3);
    await endpoint.until((posts) => posts.at(-1)?.body.includes('"payload":3') === true);
    const payloads = bodies().map(({ payload }) => payload);
    expect(payloads.filter((payload, i) => payload !== payloads[i - 1])).toEqual([1, 2, 3]);
  });

  it('delivers what comes after a reset while an older message still waits for its next try', async () => {
    endpoint.answers = [503];
    await configure();
    say('aovis/board-1/event', 'before');
    await endpoint.until((posts) => posts.length === 1);
    cloud.environment.store.reset();
    cloud.broker.reset();
    await configure();
    say('aovis/board-1/event', 'after');
    await endpoint.until((posts) => posts.length === 2);
    await settled();
    expect(bodies().map(({ payload }) => payload)).toEqual(['before', 'after']);
  });

  it('replays the last bodies byte for byte under a fresh signature', async () => {
    await configure();
    for (let i = 0; i < 3; i += 1) say('aovis/board-1/event', i);
    await endpoint.until((posts) => posts.length === 3);
    cloud.environment.clock.shift(60_000);
    await settled();
    expect(await admin('POST /_local/event-forwarder/replay', { count: 2 })).toEqual({
      results: [{ status: 200 }, { status: 200 }],
    });
    const [, second, third, secondAgain, thirdAgain] = endpoint.posts;
    expect([secondAgain?.body, thirdAgain?.body]).toEqual([second?.body, third?.body]);
    expect(Number(thirdAgain?.timestamp) - Number(third?.timestamp)).toBeGreaterThanOrEqual(60);
    expect(thirdAgain?.signature).toBe(
      createHmac('sha256', secret).update(`${thirdAgain?.timestamp}.${third?.body}`).digest('hex'),
    );
  });

  it('refuses a configuration it cannot use, with a sentence', async () => {
    await expect(admin('PUT /_local/event-forwarder', { url: 'nowhere' })).rejects.toThrow('Send {"url"');
    await expect(admin('POST /_local/event-forwarder/replay', { count: 0 })).rejects.toThrow('Send {"count"');
  });
});
