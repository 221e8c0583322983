import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import type { Database } from '../../db/database.ts';
import { createStoreApp, type StoreApp, seedVariant, stockOf } from '../../testing/store-app.ts';
import { seedUser } from '../devices/testing/seed.ts';
import { StripeEventsOf } from './testing/stripe-events.ts';

describe('the shop', () => {
  let database: TestDatabase;
  let db: Database;
  let app: StoreApp;
  let owner: string;
  let stranger: string;
  let variantId: string;
  let skus = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    app = createStoreApp(db, database.url);
    [owner, stranger] = [await seedUser(db), await seedUser(db)];
    variantId = await seedVariant(db, `N4K-${++skus}`);
    await db('rate_limits').delete();
  });

  const ask = (method: 'get' | 'post', path: string, user?: string) => {
    const test = request(app.server)[method](path).set('X-Request-Id', 'test');
    return user === undefined ? test : test.set('Authorization', `Bearer ${user}`);
  };
  const checkout = (user?: string, body: object = { items: [{ variant_id: variantId, quantity: 2 }] }) =>
    ask('post', '/api/checkout', user).send(body);
  const success = (orderId: string, user?: string) =>
    ask('get', `/api/checkout/success?session_id=cs_test_${orderId}`, user).expect(200);

  it('shows what it sells, and not how much of it', async () => {
    const list = await ask('get', '/api/store/products').expect(200);
    const product = (list.body.products as { slug: string }[]).find(({ slug }) => slug === `n4k-${skus}`);
    expect(product).toEqual({
      slug: `n4k-${skus}`,
      name: 'AOVIS N4K',
      description: 'A camera.',
      variants: [
        {
          id: variantId,
          sku: `N4K-${skus}`,
          name: 'White',
          price_minor: 19_900,
          currency: 'usd',
          in_stock: true,
        },
      ],
    });
    expect((await ask('get', `/api/store/products/n4k-${skus}`).expect(200)).body).toEqual(product);
    const unknown = await ask('get', '/api/store/products/%2e%2e').expect(404);
    expect(unknown.body.error.code).toBe('product_not_found');
  });

  it('takes an order at its own prices, and the money', async () => {
    const { body } = await checkout(owner).expect(201);
    expect(body).toEqual({
      order_id: expect.any(String) as unknown,
      url: `https://pay.example/cs_test_${body.order_id}`,
      expires_at: '2026-11-20T12:35:00.000Z',
    });
    expect(app.payments.checkouts).toMatchObject([
      { orderId: body.order_id, userId: owner, currency: 'usd', items: [{ unitPriceMinor: 19_900 }] },
    ]);
    expect(await stockOf(db, variantId)).toEqual({ stock: 5, reserved: 2 });
    expect((await success(body.order_id, owner)).body).toMatchObject({
      status: 'processing',
      order: { status: 'pending', total_minor: 39_800 },
    });

    const events = new StripeEventsOf(body.order_id, 39_800, app.clock.now().getTime() / 1_000);
    expect((await app.deliver(events.completed()).expect(200)).body).toEqual({ received: true });
    expect(await stockOf(db, variantId)).toEqual({ stock: 3, reserved: 0 });
    const paid = await success(body.order_id, owner);
    expect(paid.body).toEqual({
      status: 'paid',
      order: {
        id: body.order_id,
        status: 'paid',
        currency: 'usd',
        total_minor: 39_800,
        refunded_minor: 0,
        created_at: '2026-11-20T12:00:00.000Z',
        paid_at: '2026-11-20T12:00:00.000Z',
        items: [{ sku: `N4K-${skus}`, name: 'AOVIS N4K, White', unit_price_minor: 19_900, quantity: 2 }],
      },
    });
  });

  it('tells the owner alone what was ordered; guest and stranger read the same bytes', async () => {
    const { body } = await checkout(owner).expect(201);
    const events = new StripeEventsOf(body.order_id, 39_800, app.clock.now().getTime() / 1_000);
    for (const status of ['processing', 'paid']) {
      const [guest, other] = [await success(body.order_id), await success(body.order_id, stranger)];
      expect(guest.text).toBe(JSON.stringify({ status }));
      expect(other.text).toBe(guest.text);
      const comparable = (headers: object) => ({ ...headers, date: '', ratelimit: '' });
      expect(comparable(other.headers)).toEqual(comparable(guest.headers));
      expect(guest.headers).toMatchObject({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
      await app.deliver(events.completed()).expect(200);
    }
    const unknown = await ask('get', '/api/checkout/success?session_id=cs_test_x').expect(200);
    expect(unknown.text).toBe('{"status":"processing"}');
  });

  it('never shows a guest’s order, not even to a guest', async () => {
    const { body } = await checkout().expect(201);
    for (const user of [undefined, owner])
      expect((await success(body.order_id, user)).text).toBe('{"status":"processing"}');
  });

  it('has a page for who comes back, which no cache keeps', async () => {
    const { body } = await checkout(owner).expect(201);
    const named = await ask('get', `/checkout/success?session_id=cs_test_${body.order_id}`, owner).expect(
      303,
    );
    expect(named.headers).toMatchObject({ location: '/checkout/success', 'cache-control': 'no-store' });
    const cookie = (named.headers['set-cookie'] as unknown as string[])[0]?.split(';')[0] ?? '';
    const shown = async (user?: string) => {
      const page = await ask('get', '/checkout/success', user).set('Cookie', cookie).expect(200);
      expect(page.headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        refresh: '3',
      });
      return page.text;
    };
    const [own, guests, strangers] = [await shown(owner), await shown(), await shown(stranger)];
    expect(own).toContain('AOVIS N4K');
    expect(guests).toContain('Your payment is on its way');
    expect(guests).not.toContain('AOVIS N4K');
    expect(strangers).toBe(guests);
    await ask('post', '/checkout/success').expect(405);
  });

  it('takes the same order once under one Idempotency-Key', async () => {
    const once = () => checkout(owner).set('Idempotency-Key', '"key-1"');
    const first = await once().expect(201);
    expect((await once().expect(201)).body).toEqual(first.body);
    expect(app.payments.checkouts).toHaveLength(1);
    const other = await checkout(owner, { items: [{ variant_id: variantId, quantity: 1 }] })
      .set('Idempotency-Key', 'key-1')
      .expect(422);
    expect(other.body.error.code).toBe('idempotency_key_reused');
    expect(await stockOf(db, variantId)).toEqual({ stock: 5, reserved: 2 });
  });

  it('keeps guests apart who chose the same Idempotency-Key', async () => {
    const proxied = createStoreApp(db, database.url, { AOVIS_TRUST_PROXY: '1' });
    const from = (address: string) =>
      request(proxied.server)
        .post('/api/checkout')
        .set('X-Forwarded-For', address)
        .set('Idempotency-Key', 'key-2')
        .send({ items: [{ variant_id: variantId, quantity: 1 }] })
        .expect(201);
    const [one, other, again] = [await from('192.0.2.1'), await from('192.0.2.2'), await from('192.0.2.1')];
    expect(other.body.order_id).not.toBe(one.body.order_id);
    expect(again.body).toEqual(one.body);
  });

  it.each([
    ['a price', { price_minor: 1 }],
    ['a user', { user_id: 'x' }],
    ['a status', { status: 'paid' }],
    ['no items', { items: [] }],
  ])('refuses a checkout with %s from outside', async (_, change) => {
    const items = [{ variant_id: variantId, quantity: 1 }];
    const refused = await checkout(owner, { items, ...change }).expect(400);
    expect(refused.body.error.code).toBe('invalid_request');
  });

  it.each([
    ['price_minor', 1],
    ['quantity', 0],
    ['quantity', -1],
    ['quantity', 11],
    ['quantity', 1.5],
    ['quantity', '1'],
  ])('refuses an item whose %s is %s', async (name, value) => {
    const items = [{ variant_id: variantId, quantity: 1, [name]: value }];
    const refused = await checkout(owner, { items }).expect(400);
    expect(refused.body.error.code).toBe('invalid_request');
  });

  it('refuses one variant twice, unknown ones, too many pieces, and two currencies at once', async () => {
    const item = { variant_id: variantId, quantity: 1 };
    const euro = await seedVariant(db, `EUR-${skus}`, { currency: 'eur' });
    const unknown = '00000000-0000-4000-8000-000000000000';
    const cases: [object[], number, string][] = [
      [[item, item], 400, 'invalid_request'],
      [[{ ...item, variant_id: unknown }], 404, 'product_not_found'],
      [[{ ...item, quantity: 6 }], 409, 'out_of_stock'],
      [[item, { ...item, variant_id: euro }], 400, 'mixed_currencies'],
    ];
    for (const [items, status, code] of cases) {
      const refused = await checkout(owner, { items }).expect(status);
      expect(refused.body.error.code).toBe(code);
    }
    expect(await stockOf(db, variantId)).toEqual({ stock: 5, reserved: 0 });
    expect(await db('audit_log').where({ action: 'order.place', actor_id: owner })).toHaveLength(3);
  });

  it('gives the pieces back when the payment provider is away', async () => {
    app.payments.away = true;
    const refused = await checkout(owner).expect(503);
    expect(refused.body.error.code).toBe('payment_provider_unavailable');
    expect(refused.headers['retry-after']).toBe('5');
    expect(await stockOf(db, variantId)).toEqual({ stock: 5, reserved: 0 });
  });

  it('limits how many orders one address may open', async () => {
    for (let i = 0; i < 30; i++) await checkout(owner, {}).expect(400);
    await checkout(owner).expect(429);
  });

  it('refuses a bad token rather than take the order as a guest’s', async () => {
    await checkout('nonsense').expect(401);
    await ask('get', '/api/checkout/success?session_id=x', 'nonsense').expect(401);
  });
});
