import { beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '../host/logger.ts';
import { PublishError } from '../iot/iot-connection.ts';
import { FakeIotConnection } from '../iot/testing/fake-iot-connection.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { OutboundPublisher } from './outbound-publisher.ts';
import { OutboundQueue } from './outbound-queue.ts';
import type { QueuedMessage } from './queued-message.ts';
import { SimulatedDisk } from './testing/simulated-disk.ts';

const message = (payload: string): QueuedMessage => ({
  class: 'event',
  topic: 'event',
  payload,
});
const never = new AbortController().signal;

describe('the publisher', () => {
  let clock: FakeClock;
  let connection: FakeIotConnection;
  let queue: OutboundQueue;
  let publisher: OutboundPublisher;

  beforeEach(async () => {
    clock = new FakeClock();
    connection = new FakeIotConnection();
    const logger = createLogger({ level: 'silent' });
    queue = new OutboundQueue({ directory: '/outbox', clock, logger, fileSystem: new SimulatedDisk() });
    publisher = new OutboundPublisher({ connection, queue, clock, logger, random: () => 0.5 });
    await publisher.start(never);
  });

  const sent = (): string[] => connection.published.map(({ payload }) => payload);

  it('keeps messages until there is a connection, then sends them in order and paced', async () => {
    await Promise.all(Array.from({ length: 60 }, (_, i) => publisher.publish(message(`m${i}`))));
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
    await publisher.publish(message('kept'));
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
    await Promise.all([publisher.publish(message('bad')), publisher.publish(message('good'))]);
    await clock.advance(100);
    expect(sent()).toEqual(['good']);
    expect(queue.depth).toBe(0);
    expect(queue.dropped).toEqual({ event: 1, telemetry: 0 });
  });

  it('sends nothing more after it was stopped', async () => {
    connection.connect();
    await publisher.stop();
    expect(await publisher.publish(message('late'))).toBe('dropped');
    await clock.advance(10_000);
    expect(sent()).toEqual([]);
    expect(clock.pending).toEqual([]);
  });
});
