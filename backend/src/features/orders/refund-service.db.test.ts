import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import type { Database } from '../../db/database.ts';
import { createStoreApp, type StoreApp, seedVariant } from '../../testing/store-app.ts';
import { RefundService } from './refund-service.ts';
import { StripeEventsOf } from './testing/stripe-events.ts';

describe('refunds', () => {
  let database: TestDatabase;
  let db: Database;
  let app: StoreApp;
  let refunds: RefundService;
  let events: StripeEventsOf;
  let skus = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    app = createStoreApp(db, database.url);
    refunds = new RefundService({ db, clock: app.clock, payments: app.payments });
    await db('rate_limits').delete();
    const items = [{ variant_id: await seedVariant(db, `R-${++skus}`), quantity: 1 }];
    const { body } = await request(app.server).post('/api/checkout').send({ items }).expect(201);
    events = new StripeEventsOf(body.order_id, 19_900, app.clock.now().getTime() / 1_000);
  });

  const pay = () => app.deliver(events.completed()).expect(200);
  const ask = (amountMinor?: number) =>
    refunds.refund({
      orderId: events.orderId,
      amountMinor,
      reason: 'returned',
      actor: { kind: 'admin', id: 'a' },
      requestId: 'r',
    });
  const carryOut = (refundRequestId: string) =>
    refunds.carryOut({ orderId: events.orderId, refundRequestId }, 'r');
  const refunded = async () =>
    (await db('orders').where({ id: events.orderId }).first<{ refunded_minor: number }>('refunded_minor'))
      .refunded_minor;

  it('go back in parts and then in full, each once, and no further', async () => {
    await pay();
    const part = await ask(5_000);
    expect(await refunded()).toBe(0);
    await carryOut(part.refundRequestId);
    await carryOut(part.refundRequestId);
    expect(await refunded()).toBe(5_000);
    const rest = await ask();
    expect(rest.amountMinor).toBe(14_900);
    await carryOut(rest.refundRequestId);
    expect(await refunded()).toBe(19_900);
    expect(app.payments.refunds.map(({ amountMinor }) => amountMinor)).toEqual([5_000, 14_900]);
    await expect(ask(1)).rejects.toMatchObject({
      code: 'refund_not_possible',
      details: { refundable_minor: 0 },
    });
  });

  it('are one refund, whether the provider answers or reports it first', async () => {
    await pay();
    const { refundRequestId } = await ask(5_000);
    const refund = { id: `re_${refundRequestId}`, amount: 5_000, status: 'pending' };
    const metadata = { type: 'order', refund_request_id: refundRequestId };
    await app.deliver(events.refund('created', refund, metadata)).expect(200);
    await carryOut(refundRequestId);
    await app.deliver(events.refund('updated', { ...refund, status: 'succeeded' }, metadata)).expect(200);
    expect(await refunded()).toBe(5_000);
    expect(await db('order_refunds').where({ payment_intent: events.paymentIntent })).toHaveLength(1);
    expect(app.payments.refunds).toHaveLength(0);
  });

  it('of two admins at once never exceed what was paid', async () => {
    await pay();
    const results = await Promise.allSettled([ask(15_000), ask(15_000)]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('that the provider refuses leave the money where it is, and can be asked for again', async () => {
    await pay();
    app.payments.refundOutcome = { kind: 'refused', reason: 'charge_disputed' };
    const { refundRequestId } = await ask();
    await carryOut(refundRequestId);
    expect(await refunded()).toBe(0);
    const audit = db('audit_log').where({ subject_id: events.orderId, action: 'order.refund' });
    expect(await audit).toMatchObject([{ outcome: 'failed', details: { reason: 'charge_disputed' } }]);
    expect((await ask()).amountMinor).toBe(19_900);
  });

  it('wait while the provider is away', async () => {
    await pay();
    const { refundRequestId } = await ask();
    app.payments.away = true;
    await expect(carryOut(refundRequestId)).rejects.toMatchObject({ code: 'payment_provider_unavailable' });
    app.payments.away = false;
    await carryOut(refundRequestId);
    expect(await refunded()).toBe(19_900);
  });

  it.each([
    ['of nothing', 0],
    ['of less than nothing', -1],
    ['of more than was paid', 19_901],
  ])('%s are refused', async (_, amountMinor) => {
    await pay();
    await expect(ask(amountMinor)).rejects.toMatchObject({ code: 'refund_not_possible' });
  });

  it('of an unpaid or unknown order are refused', async () => {
    await expect(ask()).rejects.toMatchObject({ code: 'refund_not_possible' });
    const unknown = refunds.refund({
      orderId: '00000000-0000-4000-8000-000000000000',
      amountMinor: 1,
      reason: 'returned',
      actor: { kind: 'system' },
      requestId: undefined,
    });
    await expect(unknown).rejects.toMatchObject({ code: 'order_not_found' });
  });
});
