import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Store } from './store.ts';
import { type Delivery, WebhookQueue } from './webhook-queue.ts';

describe('WebhookQueue', () => {
  let store: Store;
  let queue: WebhookQueue;
  let sent: string[];
  let underWay: { delivery: Delivery; answer: (status: number | Error) => void }[];
  let settled: Delivery[];
  let told: () => void;

  beforeEach(() => {
    store = new Store(':memory:');
    sent = [];
    underWay = [];
    settled = [];
    told = () => undefined;
    queue = makeQueue();
    queue.start();
  });
  afterEach(async () => {
    await queue.stop();
    store.close();
  });

  function makeQueue(): WebhookQueue {
    return new WebhookQueue({
      name: 'test',
      store,
      log: pino({ level: 'silent' }),
      backOffMs: () => 1,
      maxAttempts: 3,
      onSettled: (delivery) => {
        settled.push(delivery);
        told();
      },
      send: (delivery, signal) => {
        sent.push(delivery.subject);
        return new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('stopped')));
          underWay.push({
            delivery,
            answer: (status) => (typeof status === 'number' ? resolve(status) : reject(status)),
          });
          told();
        });
      },
    });
  }

  /** Resolves once `holds`, looked at whenever something was sent or settled. */
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      told = () => {
        if (holds()) resolve();
      };
      told();
    });
  const answerNext = async (status: number | Error): Promise<void> => {
    await until(() => underWay.length > 0);
    underWay.shift()?.answer(status);
  };

  it('sends in order, one at a time per receiver', async () => {
    for (const subject of ['1', '2']) queue.add('a', subject);
    queue.add('b', '3');
    await until(() => underWay.length === 2);
    expect(sent).toEqual(['1', '3']);
    await answerNext(200);
    await until(() => sent.length === 3);
    expect(sent).toEqual(['1', '3', '2']);
  });

  it('sends several at once when it may', async () => {
    queue.configure({ parallel: 3 });
    for (const subject of ['1', '2', '3', '4']) queue.add('a', subject);
    await until(() => underWay.length === 3);
    expect(queue.settings).toEqual({ paused: false, parallel: 3 });
  });

  it('does not let a failure hold up the next, and gives up in the end', async () => {
    for (const subject of ['1', '2']) queue.add('a', subject);
    await answerNext(500);
    await until(() => sent.length === 2);
    expect(sent).toEqual(['1', '2']);
    await answerNext(204);
    await answerNext(new Error('connection refused'));
    await answerNext(302);
    await until(() => settled.length === 2);
    expect(settled).toMatchObject([
      { subject: '2', state: 'delivered', attempts: 1, lastStatus: 204 },
      { subject: '1', state: 'abandoned', attempts: 3, lastStatus: 302 },
    ]);
    expect(queue.waitingFor('1')).toBe(0);
  });

  it('sends nothing that a transaction took back', async () => {
    expect(() =>
      store.transaction(() => {
        queue.add('a', 'undone');
        throw new Error('no');
      }),
    ).toThrow('no');
    queue.add('a', 'done');
    await until(() => sent.length === 1);
    expect(sent).toEqual(['done']);
  });

  it('leaves what was under way at a stop to the next start, and forgets all at a reset', async () => {
    queue.add('a', '1');
    await until(() => underWay.length === 1);
    await queue.stop();
    expect(queue.list()).toMatchObject([{ subject: '1', state: 'waiting', attempts: 0 }]);
    queue = makeQueue();
    queue.start();
    await until(() => sent.length === 2);
    store.reset();
    queue.reset();
    underWay.at(-1)?.answer(500);
    expect(queue.list()).toEqual([]);
  });

  it('reorders what waits by ids, and refuses ids that do not', () => {
    queue.configure({ paused: true });
    const [first, second] = ['1', '2'].map((subject) => queue.add('a', subject));
    queue.reorder([second?.id ?? '']);
    queue.reorder('shuffle');
    expect(() => queue.reorder(['000000000099'])).toThrow('No delivery 000000000099 is waiting');
    expect(first?.state).toBe('waiting');
  });
});
