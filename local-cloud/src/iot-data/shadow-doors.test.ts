import {
  DeleteThingShadowCommand,
  GetThingShadowCommand,
  UpdateThingShadowCommand,
} from '@aws-sdk/client-iot-data-plane';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { TestDataPlane } from './testing/test-data-plane.ts';

let plane: TestDataPlane;
let board: MqttClient;
let heard: { topic: string; document: Record<string, unknown> }[];
let wake: () => void;
beforeEach(async () => {
  plane = await TestDataPlane.start();
  board = await plane.cloud.connect(await plane.cloud.board('board-1'));
  heard = [];
  wake = () => undefined;
  board.on('message', (topic, payload) => {
    heard.push({
      topic: topic.replace('$aws/things/board-1/shadow/', ''),
      document: JSON.parse(payload.toString('utf8')) as Record<string, unknown>,
    });
    wake();
  });
  // Replies and notices, not the requests themselves.
  await board.subscribeAsync(['$aws/things/board-1/shadow/+/+', '$aws/things/board-1/shadow/name/+/+/+'], {
    qos: 1,
  });
});
afterEach(async () => plane.stop());

/** What the board hears on the topics, once it is as much as `count`. */
async function hears(count: number): Promise<typeof heard> {
  while (heard.length < count) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  return heard.splice(0);
}

const ask = async (suffix: string, body: unknown = ''): Promise<unknown> =>
  board.publishAsync(
    `$aws/things/board-1/shadow/${suffix}`,
    typeof body === 'string' ? body : JSON.stringify(body),
    { qos: 1 },
  );
const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
/** The next message on a topic that matches; forgets those before it. */
async function hearsOn(pattern: RegExp): Promise<(typeof heard)[number]> {
  for (;;) {
    const [message] = await hears(1).then((messages) => messages.filter(({ topic }) => pattern.test(topic)));
    if (message !== undefined) return message;
  }
}

describe('the shadow topics', () => {
  it('answer an update with accepted, documents and delta', async () => {
    await ask('update', { state: { desired: { on: true } }, clientToken: 't' });
    const messages = await hears(3);
    expect(messages.map(({ topic }) => topic)).toEqual([
      'update/accepted',
      'update/documents',
      'update/delta',
    ]);
    for (const { document } of messages) expect(document['clientToken']).toBe('t');
    await ask('update', { state: { reported: { on: true } } });
    expect((await hears(2)).map(({ topic }) => topic)).toEqual(['update/accepted', 'update/documents']);
  });

  it('answer get with an empty body and with a token, and delete', async () => {
    await ask('update', { state: { reported: { on: true } } });
    await hears(2);
    await ask('get');
    const [empty] = await hears(1);
    expect(empty).toMatchObject({ topic: 'get/accepted', document: { version: 1 } });
    expect(empty?.document).not.toHaveProperty('clientToken');
    await ask('get', { clientToken: 't' });
    expect((await hears(1))[0]?.document).toMatchObject({
      clientToken: 't',
      state: { reported: { on: true } },
    });
    await ask('delete', { clientToken: 't' });
    expect((await hears(1))[0]).toEqual({
      topic: 'delete/accepted',
      document: { version: 1, timestamp: expect.any(Number), clientToken: 't' },
    });
    await ask('get', { clientToken: 't' });
    expect((await hears(1))[0]).toEqual({
      topic: 'get/rejected',
      document: {
        code: 404,
        message: "No shadow exists with name: 'board-1'",
        timestamp: expect.any(Number),
        clientToken: 't',
      },
    });
  });

  it('keep named shadows apart', async () => {
    await ask('name/config/update', { state: { desired: { stream: { enabled: true } } } });
    const messages = await hears(3);
    expect(messages.at(-1)).toMatchObject({
      topic: 'name/config/update/delta',
      document: { state: { stream: { enabled: true } } },
    });
    await ask('get');
    expect((await hears(1))[0]?.topic).toBe('get/rejected');
  });

  it('carry word of an update over HTTP, and none of a refused one', async () => {
    const update = async (body: unknown) =>
      plane.sdk.send(new UpdateThingShadowCommand({ thingName: 'board-1', payload: bytes(body) }));
    await expect(update({ state: 1 })).rejects.toThrow('State node must be an object');
    await update({ state: { desired: { on: true } } });
    expect((await hears(2)).map(({ topic }) => topic)).toEqual(['update/documents', 'update/delta']);
  });

  it('say over MQTT what the data plane says over HTTP, request by request', async () => {
    const requests: unknown[] = [
      { state: { desired: { a: 1, b: { c: [1, 2] } } }, clientToken: 't1' },
      { state: { reported: { a: 1, x: null } } },
      { state: { reported: { b: { c: [1] } } }, version: 2 },
      { state: { desired: null } },
      { state: null },
      { state: { desired: {} }, version: 77 },
      { state: { other: {} } },
      { state: { desired: { a: [null] } }, clientToken: 't2' },
      {},
    ];
    for (const request of requests) {
      await ask('name/over_mqtt/update', request);
      const reply = await hearsOn(/^name\/over_mqtt\/update\/(accepted|rejected)$/);
      const over = await plane.sdk
        .send(
          new UpdateThingShadowCommand({ thingName: 'board-1', shadowName: 'http', payload: bytes(request) }),
        )
        .then(
          ({ payload }) => ({
            suffix: 'accepted',
            document: JSON.parse(Buffer.from(payload ?? []).toString()) as unknown,
          }),
          (error: Error & { $metadata: { httpStatusCode: number } }) => ({
            suffix: 'rejected',
            document: { code: error.$metadata.httpStatusCode, message: error.message },
          }),
        );
      expect(reply.topic).toBe(`name/over_mqtt/update/${over.suffix}`);
      expect(withoutTimes(reply.document)).toMatchObject(withoutTimes(over.document) as object);
    }
    const http = await plane.sdk.send(
      new GetThingShadowCommand({ thingName: 'board-1', shadowName: 'http' }),
    );
    await ask('name/over_mqtt/get');
    const mqtt = await hearsOn(/over_mqtt\/get/);
    expect(withoutTimes(mqtt.document)).toEqual(
      withoutTimes(JSON.parse(Buffer.from(http.payload ?? []).toString())),
    );
    await plane.sdk.send(new DeleteThingShadowCommand({ thingName: 'board-1', shadowName: 'http' }));
  });
});

/** Two requests may fall on either side of a second. */
function withoutTimes(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, child: unknown) => (key === 'timestamp' ? 0 : child));
}
