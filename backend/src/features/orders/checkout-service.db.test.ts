import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Database, openDatabase } from '../../db/database.ts';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { seedVariant, stockOf } from '../../testing/store-app.ts';
import { CheckoutService } from './checkout-service.ts';
import { FakePayments } from './testing/fake-payments.ts';

describe('checkout', () => {
  let database: TestDatabase;
  let db: Database;
  let payments: FakePayments;
  let checkouts: CheckoutService;
  let skus = 0;
  const clock = new FakeClock();

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());
  beforeEach(() => {
    payments = new FakePayments();
    checkouts = new CheckoutService({ db, clock, payments });
  });
  const seed = (stock: number) => seedVariant(db, `C-${++skus}`, { stock });
  const asked = (...variantIds: string[]) => ({
    items: variantIds.map((variantId) => ({ variantId, quantity: 1 })),
    userId: undefined,
    requestId: 'test',
  });
  const statusOf = (id: string) => db('orders').where({ id }).first<{ status: string }>('status');

  it('sells the last piece to one of twenty who want it at once on two instances', async () => {
    const variantId = await seed(1);
    const otherDb = openDatabase({ url: database.url, poolSize: 5, acquireTimeoutMs: 20_000 });
    const other = new CheckoutService({ db: otherDb, clock, payments });
    try {
      const tries = Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? checkouts : other).checkout(asked(variantId)),
      );
      const results = await Promise.allSettled(tries);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'out_of_stock' });
      expect(await stockOf(db, variantId)).toEqual({ stock: 1, reserved: 1 });
    } finally {
      await otherDb.destroy();
    }
  });

  it('takes orders of the same two things in different order at once', async () => {
    const [a, b] = [await seed(10), await seed(10)];
    const tries = Array.from({ length: 20 }, (_, i) => checkouts.checkout(i % 2 ? asked(a, b) : asked(b, a)));
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    expect(await stockOf(db, a)).toEqual({ stock: 10, reserved: 10 });
    expect(await stockOf(db, b)).toEqual({ stock: 10, reserved: 10 });
  });

  it('plans the end of an order when it takes it', async () => {
    const { orderId } = await checkouts.checkout(asked(await seed(1)));
    const planned = await db('outbox')
      .where({ key: `order:${orderId}:expire` })
      .first<{ topic: string; minutes: string }>(
        'topic',
        db.raw(`round(extract(epoch FROM available_at - now()) / 60) AS minutes`),
      );
    expect(planned).toEqual({ topic: 'order.expire', minutes: '36' });
  });

  it('gives the pieces back when nobody paid, once its page is closed', async () => {
    const variantId = await seed(1);
    const { orderId } = await checkouts.checkout(asked(variantId));
    await checkouts.expire(orderId, 'r');
    await checkouts.expire(orderId, 'r');
    expect(payments.closed).toEqual([`cs_test_${orderId}`]);
    expect((await statusOf(orderId)).status).toBe('expired');
    expect(await stockOf(db, variantId)).toEqual({ stock: 1, reserved: 0 });
  });

  it('leaves an order alone that somebody paid, though nobody told us yet, or while nobody can tell', async () => {
    const variantId = await seed(1);
    const { orderId } = await checkouts.checkout(asked(variantId));
    payments.closing = 'completed';
    await expect(checkouts.expire(orderId, 'r')).rejects.toThrow('its webhook has not come');
    payments.away = true;
    await expect(checkouts.expire(orderId, 'r')).rejects.toMatchObject({
      code: 'payment_provider_unavailable',
    });
    expect((await statusOf(orderId)).status).toBe('pending');
    expect(await stockOf(db, variantId)).toEqual({ stock: 1, reserved: 1 });
  });

  it('ends an order whose process died before the provider was asked', async () => {
    const variantId = await seed(1);
    const { orderId } = await checkouts.checkout(asked(variantId));
    await db('orders').where({ id: orderId }).update({ stripe_session_id: null });
    await checkouts.expire(orderId, 'r');
    expect(await stockOf(db, variantId)).toEqual({ stock: 1, reserved: 0 });
  });

  it('sells nothing while the shop is not configured', async () => {
    const unset = new CheckoutService({ db, clock, payments: undefined });
    await expect(unset.checkout(asked(await seed(1)))).rejects.toMatchObject({ code: 'feature_disabled' });
  });
});
