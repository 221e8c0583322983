import { EventEmitter, once } from 'node:events';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Database, transaction } from '../db/database.ts';
import { createLogger } from '../kernel/logger.ts';
import { enqueue, type OutboxHandler } from './outbox.ts';
import { claimNext, fail, finish, msUntilNextDue } from './outbox-queue.ts';
import { OutboxWorker, type OutboxWorkerOptions } from './outbox-worker.ts';

const topics = ['t'];

describe('the outbox', () => {
  let database: TestDatabase;
  let db: Database;
  const workers: OutboxWorker[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());
  beforeEach(() => db('outbox').delete());
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  });

  function startWorker(handler: OutboxHandler, options: Partial<OutboxWorkerOptions> = {}): OutboxWorker {
    const worker = new OutboxWorker({
      db,
      databaseUrl: database.url,
      handlers: { t: handler },
      log: createLogger({ level: 'silent' }),
      backoff: { firstMs: 1, capMs: 1 },
      ...options,
    });
    workers.push(worker);
    worker.start();
    worker.start();
    return worker;
  }

  const put = (key: string, n = 0): Promise<void> =>
    transaction(db, (trx) => enqueue(trx, { topic: 't', key, payload: { n }, requestId: 'r1' }));

  it('carries out what was committed, and nothing that was rolled back', async () => {
    const seen = new EventEmitter();
    startWorker(
      async (payload, { attempt, requestId }) => void seen.emit('done', { payload, attempt, requestId }),
    );
    const rolledBack = transaction(db, async (trx) => {
      await enqueue(trx, { topic: 't', key: 'k', payload: { n: 1 } });
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    const done = once(seen, 'done');
    await put('k', 2);
    expect(await done).toEqual([{ payload: { n: 2 }, attempt: 1, requestId: 'r1' }]);
  });

  it('is woken by the commit of another connection at once', async () => {
    const seen = new EventEmitter();
    startWorker(async () => void seen.emit('done'));
    await put('first');
    await once(seen, 'done');
    const startedAt = performance.now();
    const done = once(seen, 'done');
    await put('second');
    await done;
    // Polling alone would take up to 5 s.
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('gives each message of a key in order, one at a time, to many workers; keys run side by side', async () => {
    const keys = ['a', 'b', 'c'];
    for (let n = 0; n < 10; n++) for (const key of keys) await put(key, n);
    const order: Record<string, number[]> = { a: [], b: [], c: [] };
    const running = new Set<string>();
    const all = Promise.withResolvers<void>();
    const { rows } = await db.raw<{ rows: { id: string; key: string }[] }>('SELECT id, key FROM outbox');
    expect(rows).toHaveLength(30);
    const handlerOf =
      (key: string): OutboxHandler =>
      async (payload) => {
        if (running.has(key)) all.reject(new Error(`two of ${key} at once`));
        running.add(key);
        await db.raw('SELECT pg_sleep(0.002)');
        running.delete(key);
        order[key]?.push((payload as { n: number }).n);
        if (Object.values(order).flat().length === 30) all.resolve();
      };
    await db.raw(`UPDATE outbox SET topic = key`);
    const handlers = Object.fromEntries(keys.map((key) => [key, handlerOf(key)]));
    for (let i = 0; i < 3; i++) startWorker(async () => {}, { handlers });
    await all.promise;
    const inOrder = Array.from({ length: 10 }, (_, n) => n);
    expect(order).toEqual({ a: inOrder, b: inOrder, c: inOrder });
  });

  it('tries again after a failure, later ones of the key waiting, and gives up after the last attempt', async () => {
    const seen: number[] = [];
    const done = Promise.withResolvers<void>();
    await put('k', 1);
    await put('k', 2);
    startWorker(
      async (payload, { attempt }) => {
        const { n } = payload as { n: number };
        seen.push(n);
        if (n === 1) throw new Error('not now', { cause: new Error(`no ${attempt} Bearer canary-token`) });
        done.resolve();
      },
      { maxAttempts: 3 },
    );
    await done.promise;
    expect(seen).toEqual([1, 1, 1, 2]);
    const dead = await db('outbox').whereNotNull('dead_at').first();
    expect(dead).toMatchObject({
      attempts: 3,
      last_error: 'not now — no 3 Bearer [redacted]',
      lease_id: null,
    });
  });

  it('hands a message on when its worker died: only when the lease is over, to one worker, once', async () => {
    await put('k');
    const first = await claimNext(db, { topics, leaseMs: 60_000 });
    expect(first).toMatchObject({ attempts: 1 });
    expect(await claimNext(db, { topics, leaseMs: 60_000 })).toBeUndefined();
    expect(await msUntilNextDue(db, topics)).toBeGreaterThan(50_000);

    // Its process is killed here; the minute passes.
    await db('outbox').update({ leased_until: db.raw(`now() - interval '1 s'`) });
    const takers = await Promise.all(
      Array.from({ length: 8 }, () => claimNext(db, { topics, leaseMs: 60_000 })),
    );
    const [second, ...others] = takers.filter((taker) => taker !== undefined);
    expect(others).toEqual([]);
    expect(second).toMatchObject({ attempts: 2 });
    if (!first || !second) throw new Error('both were claimed');

    // The first one was only slow: what it reports now counts no more.
    await finish(db, first);
    await fail(db, first, { error: new Error('late'), retryInMs: 0 });
    expect(await db('outbox').first()).toMatchObject({ lease_id: second.leaseId, last_error: null });
    await finish(db, second);
    expect(await db('outbox').first()).toBeUndefined();
  });

  it('leaves topics alone that it does not know', async () => {
    await transaction(db, (trx) => enqueue(trx, { topic: 'newer', key: 'k', payload: {} }));
    expect(await claimNext(db, { topics, leaseMs: 1_000 })).toBeUndefined();
  });

  it('lets a running handler end before it stops, and tells it to hurry', async () => {
    const started = Promise.withResolvers<AbortSignal>();
    let ended = false;
    const worker = startWorker(async (_payload, { signal }) => {
      started.resolve(signal);
      await once(signal, 'abort');
      ended = true;
    });
    await put('k');
    expect((await started.promise).aborted).toBe(false);
    await Promise.all([worker.stop(), worker.stop()]);
    expect(ended).toBe(true);
    expect(await db('outbox').first()).toBeUndefined();
  });

  it('lets a topic whose partner hangs hold up itself alone', async () => {
    const hanging: string[] = [];
    const full = Promise.withResolvers<void>();
    const handed = Promise.withResolvers<void>();
    const mail: OutboxHandler = async (payload, { signal }) => {
      hanging.push((payload as { to: string }).to);
      if (hanging.length === 2) full.resolve();
      await once(signal, 'abort');
    };
    for (const to of ['a', 'b', 'c', 'd']) await enqueue(db, { topic: 'mail', key: to, payload: { to } });
    startWorker(async () => {}, { handlers: { mail, t: async () => handed.resolve() }, placesPerTopic: 2 });
    await full.promise;
    await put('board');
    await handed.promise;
    expect(hanging).toEqual(['a', 'b']);
  });

  it('takes the place of a handler back that heeds no signal, when its lease ends', async () => {
    const again = Promise.withResolvers<unknown>();
    await put('k');
    startWorker(
      async (_payload, { attempt }) => {
        if (attempt === 1) await new Promise(() => {});
        again.resolve(await db('outbox').first());
      },
      { placesPerTopic: 1, leaseMs: 50 },
    );
    expect(await again.promise).toMatchObject({
      attempts: 2,
      last_error: 'The handler did not end within its lease.',
    });
  });

  it('keeps working when its listening connection is cut', async () => {
    const seen = new EventEmitter();
    startWorker(async () => void seen.emit('done'));
    await put('a');
    await once(seen, 'done');
    await db.raw(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'aovis-outbox' AND datname = current_database()`);
    const done = once(seen, 'done');
    await put('b');
    await done;
  });
});
