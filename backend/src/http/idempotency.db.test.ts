import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '../kernel/errors.ts';
import { FakeClock } from '../kernel/fake-clock.ts';
import { Sealer } from '../kernel/sealer.ts';
import { runOnce, type StoredAnswer } from './idempotency.ts';

describe('runOnce', () => {
  let sealer: Sealer;
  let database: TestDatabase;
  let clock: FakeClock;
  let runs: number;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await database.knex('idempotency_keys').delete();
    clock = new FakeClock();
    sealer = new Sealer('a secret of the service', 'answers');
    runs = 0;
  });

  const order = async () => ({ status: 201, body: { run: ++runs } });
  const ask = (
    change: { header?: string; scope?: string; content?: unknown } = {},
    work: () => Promise<StoredAnswer> = order,
  ) =>
    runOnce(
      { db: database.knex, clock, sealer },
      { header: '"key-1"', scope: 'user-1 createOrder', content: { n: 1 }, ...change },
      work,
    );

  it('repeats the stored answer for the same key and body', async () => {
    expect(await ask()).toEqual({ status: 201, body: { run: 1 } });
    expect(await ask()).toEqual({ status: 201, body: { run: 1 } });
    expect(await ask({ header: 'key-1' })).toEqual({ status: 201, body: { run: 1 } });
    expect(runs).toBe(1);
  });

  it('keeps no answer that can be read in the database, and none that outlives the secret', async () => {
    await ask({}, async () => ({ status: 201, body: { url: 'https://example.com/#token=canary' } }));
    const rows = JSON.stringify(await database.knex('idempotency_keys'));
    expect(rows).toContain('sealed');
    expect(rows).not.toMatch(/canary|example\.com/);
    expect(await ask()).toEqual({ status: 201, body: { url: 'https://example.com/#token=canary' } });

    sealer = new Sealer('the next secret', 'answers');
    await expect(ask()).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    expect(runs).toBe(0);
  });

  it('refuses the key with another body, and knows no keys of others', async () => {
    await ask();
    await expect(ask({ content: { n: 2 } })).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    expect(await ask({ scope: 'user-2 createOrder', content: { n: 2 } })).toEqual({
      status: 201,
      body: { run: 2 },
    });
  });

  it('runs for one of many at once; the others wait or get its answer', async () => {
    const held = Promise.withResolvers<void>();
    const first = ask({}, async () => {
      held.resolve();
      await second.catch(() => {});
      return order();
    });
    const second = held.promise.then(() => ask());
    await expect(second).rejects.toMatchObject({ code: 'idempotency_in_progress', retryAfterMs: 1_000 });
    expect(await first).toEqual({ status: 201, body: { run: 1 } });
    expect(await ask()).toEqual({ status: 201, body: { run: 1 } });
  });

  it('frees the key when the work fails, when its process died, and after a day', async () => {
    const failing = ask({}, () => Promise.reject(new AppError('service_unavailable')));
    await expect(failing).rejects.toMatchObject({ code: 'service_unavailable' });
    await ask();
    clock.advance(24 * 60 * 60_000);
    expect(await ask()).toMatchObject({ body: { run: 2 } });

    await database.knex('idempotency_keys').update({ status: null, expires_at: clock.now() });
    expect(await ask()).toMatchObject({ body: { run: 3 } });
  });

  it('refuses a key that is none, and needs none', async () => {
    for (const header of ['', '""', 'a b', 'x'.repeat(256), '"ü"'])
      await expect(ask({ header })).rejects.toMatchObject({ code: 'invalid_request' });
    const plain = { scope: 's', content: 1, header: undefined };
    expect(await runOnce({ db: database.knex, clock, sealer }, plain, order)).toMatchObject({ status: 201 });
  });
});
