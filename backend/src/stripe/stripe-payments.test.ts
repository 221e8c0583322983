import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { type LocalCloud, startLocalCloud } from '../aws/testing/local-cloud.ts';
import type { Database } from '../db/database.ts';
import { RefundService } from '../features/orders/refund-service.ts';
import { systemClock } from '../kernel/clock.ts';
import {
  createStoreApp,
  orderWebhookSecret,
  type StoreApp,
  seedVariant,
  stockOf,
} from '../testing/store-app.ts';
import { StripePayments, stripeClient } from './stripe-payments.ts';

describe('payments against the stand-in for Stripe', () => {
  let cloud: LocalCloud;
  let database: TestDatabase;
  let db: Database;
  let app: StoreApp;
  let payments: StripePayments;
  let variantId: string;
  let answered = Promise.withResolvers<void>();

  beforeAll(async () => {
    [cloud, database] = await Promise.all([startLocalCloud(), createTestDatabase()]);
    db = database.knex;
    payments = new StripePayments(stripeClient({ secretKey: 'sk_test_0123456789', url: cloud.stripeUrl }), {
      successUrl: 'https://shop.example/checkout/success?session_id={CHECKOUT_SESSION_ID}',
      shippingCountries: ['US'],
    });
    app = createStoreApp(db, database.url, {}, { clock: systemClock, payments });
    app.server.on('request', (_request, response: NodeJS.EventEmitter) => {
      response.once('close', () => {
        answered.resolve();
        answered = Promise.withResolvers();
      });
    });
    app.server.listen(0, '127.0.0.1');
    await once(app.server, 'listening');
    const { port } = app.server.address() as AddressInfo;
    await admin('PUT', '/webhook-endpoints/orders', {
      url: `http://127.0.0.1:${port}/api/stripe/webhook`,
      secret: orderWebhookSecret,
    });
    variantId = await seedVariant(db, 'N4K');
    app.backend.outbox.start();
  }, 30_000);
  afterAll(async () => {
    await app.backend.outbox.stop();
    await cloud.stop();
    app.server.close();
    app.server.closeAllConnections();
    await database.drop();
  });

  async function admin(method: string, path: string, body: object): Promise<void> {
    const response = await fetch(`${cloud.adminUrl}/_local/stripe${path}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  }
  async function placeOrder(): Promise<{ orderId: string; sessionId: string }> {
    const items = [{ variant_id: variantId, quantity: 1 }];
    const { body } = await request(app.server).post('/api/checkout').send({ items }).expect(201);
    const row = await db('orders').where({ id: body.order_id }).first<{ stripe_session_id: string }>();
    return { orderId: body.order_id, sessionId: row.stripe_session_id };
  }
  const orderOf = (id: string) =>
    db('orders').where({ id }).first<{
      status: string;
      refunded_minor: number;
      dispute: string | null;
      payment_intent: string;
      shipping: { name: string } | null;
    }>();
  /** Looks again after each request that our server answered. */
  async function until(id: string, state: object): Promise<Awaited<ReturnType<typeof orderOf>>> {
    for (;;) {
      const next = answered.promise;
      const order = await orderOf(id);
      if (Object.entries(state).every(([name, value]) => order[name as keyof typeof order] === value))
        return order;
      await next;
    }
  }
  const address = {
    line1: '1 Main St',
    postal_code: '10001',
    city: 'New York',
    state: 'NY',
    country: 'US',
  };

  it('carry an order from the page to pay on to a refund and a dispute', async () => {
    const { orderId, sessionId } = await placeOrder();
    await admin('POST', `/sessions/${sessionId}/pay`, { email: 'ada@example.com', name: 'Ada', address });
    const paid = await until(orderId, { status: 'paid' });
    expect(paid.shipping).toMatchObject({ name: 'Ada', address: { city: 'New York' } });
    expect((await app.mailer.next()).to).toBe('ada@example.com');
    expect(await stockOf(db, variantId)).toEqual({ stock: 4, reserved: 0 });

    const refunds = new RefundService({ db, clock: systemClock, payments });
    await refunds.refund({
      orderId,
      amountMinor: 5_000,
      reason: 'returned',
      actor: { kind: 'system' },
      requestId: undefined,
    });
    await until(orderId, { refunded_minor: 5_000 });
    await admin('POST', '/disputes', { payment_intent: paid.payment_intent });
    await until(orderId, { dispute: 'open', refunded_minor: 5_000 });
    expect(
      await payments.refund({
        requestId: '6f6c1f3e-5a0d-4a55-8a55-1c3f7d0d2e11',
        orderId,
        paymentIntent: paid.payment_intent,
        amountMinor: 99_999,
      }),
    ).toMatchObject({ kind: 'refused' });
  }, 30_000);

  it('wait for a debit, and close a page for good', async () => {
    const { orderId, sessionId } = await placeOrder();
    await admin('POST', `/sessions/${sessionId}/pay`, { attempt: 'debit', address });
    await until(orderId, { status: 'processing' });
    expect(await payments.closeCheckout(sessionId)).toBe('completed');
    await admin('POST', `/sessions/${sessionId}/settle`, { outcome: 'failed' });
    await until(orderId, { status: 'failed' });

    const unpaid = await placeOrder();
    expect(await payments.closeCheckout(unpaid.sessionId)).toBe('closed');
    expect(await payments.closeCheckout(unpaid.sessionId)).toBe('closed');
    await until(unpaid.orderId, { status: 'expired' });
  }, 30_000);

  it('open one session for one order, and say when nobody answers', async () => {
    const order = {
      orderId: '0e1d4c51-9a44-4c0f-8c55-0d9f6b7a5e21',
      userId: undefined,
      currency: 'usd',
      items: [{ variantId, sku: 'N4K', name: 'AOVIS N4K', unitPriceMinor: 19_900, quantity: 1 }],
      expiresAt: new Date(Math.floor(Date.now() / 1_000) * 1_000 + 35 * 60_000),
    };
    const first = await payments.openCheckout(order);
    expect(await payments.openCheckout(order)).toEqual(first);
    const nowhere = new StripePayments(
      stripeClient({ secretKey: 'sk_test_0123456789', url: 'http://127.0.0.1:1' }),
      { successUrl: 'https://shop.example/', shippingCountries: ['US'] },
    );
    await expect(nowhere.openCheckout(order)).rejects.toMatchObject({
      code: 'payment_provider_unavailable',
    });
  }, 30_000);
});
