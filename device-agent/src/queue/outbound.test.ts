import { beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '../host/logger.ts';
import { PublishError } from '../iot/iot-connection.ts';
import { FakeIotConnection } from '../iot/testing/fake-iot-connection.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { OutboundPublisher } from './outbound-publisher.ts';
import { OutboundQueue, type QueuedMessage } from './outbound-queue.ts';

const message = (payload: string, kind: QueuedMessage['class'] = 'event'): QueuedMessage => ({
  class: kind,
  topic: kind,
  payload,
});
const never = new AbortController().signal;

describe('the queue', () => {
  it('drops the oldest telemetry first, events last, and counts', () => {
    const queue = new OutboundQueue({ maxMessages: 2, maxBytes: 1_000 });
    queue.add(message('e1'));
    queue.add(message('t1', 'telemetry'));
    queue.add(message('e2'));
    expect(queue.dropped).toEqual({ event: 0, telemetry: 1 });
    queue.add(message('e3'));
    expect(queue.dropped).toEqual({ event: 1, telemetry: 1 });
    expect(queue.peek()?.payload).toBe('e2');
  });

  it('is bounded in bytes', () => {
    const queue = new OutboundQueue({ maxMessages: 100, maxBytes: 10 });
    for (let i = 0; i < 5; i++) queue.add(message('1234'));
    expect([queue.depth, queue.bytes, queue.dropped.event]).toEqual([2, 8, 3]);
  });
});

describe('the publisher', () => {
  let clock: FakeClock;
  let connection: FakeIotConnection;
  let queue: OutboundQueue;
  let publisher: OutboundPublisher;

  beforeEach(async () => {
    clock = new FakeClock();
    connection = new FakeIotConnection();
    queue = new OutboundQueue();
    const logger = createLogger({ level: 'silent' });
    publisher = new OutboundPublisher({ connection, queue, clock, logger, random: () => 0.5 });
    await publisher.start(never);
  });

  const sent = (): string[] => connection.published.map(({ payload }) => payload);

  it('keeps messages until there is a connection, then sends them in order and paced', async () => {
    for (let i = 0; i < 60; i++) publisher.publish(message(`m${i}`));
    expect(sent()).toEqual([]);
    connection.connect();
    await clock.advance(999);
    expect(sent()).toHaveLength(50);
    await clock.advance(1_000);
    expect(sent()).toEqual(Array.from({ length: 60 }, (_, i) => `m${i}`));
    expect(queue.depth).toBe(0);
  });

  it('keeps what was not acknowledged', async () => {
    connection.connect();
    connection.onPublish = () => {
      connection.disconnect();
      throw new PublishError('not-connected', 'cut');
    };
    publisher.publish(message('kept'));
    await settle();
    connection.onPublish = () => {};
    connection.connect();
    await clock.advance(1_000);
    expect(sent()).toEqual(['kept']);
  });

  it('gives up what the broker forbids and goes on with the rest', async () => {
    connection.connect();
    connection.onPublish = ({ payload }) => {
      if (payload === 'bad') throw new PublishError('forbidden', 'no');
    };
    publisher.publish(message('bad'));
    publisher.publish(message('good'));
    await clock.advance(100);
    expect(sent()).toEqual(['good']);
    expect(queue.depth).toBe(0);
  });

  it('sends nothing more after it was stopped', async () => {
    connection.connect();
    await publisher.stop();
    publisher.publish(message('late'));
    await clock.advance(10_000);
    expect(sent()).toEqual([]);
    expect(clock.pending).toEqual([]);
  });
});
