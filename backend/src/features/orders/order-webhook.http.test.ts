import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import Stripe from 'stripe';
import request from 'supertest';
import { type Database, openDatabase } from '../../db/database.ts';
import {
  createStoreApp,
  orderWebhookSecret,
  type StoreApp,
  seedVariant,
  stockOf,
} from '../../testing/store-app.ts';
import { type EventJson, StripeEventsOf } from './testing/stripe-events.ts';

describe('the order webhook', () => {
  let database: TestDatabase;
  let db: Database;
  let secondDb: Database;
  let app: StoreApp;
  let second: StoreApp;
  let skus = 0;
  let variantId: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
    secondDb = openDatabase({ url: database.url, poolSize: 5 });
    second = createStoreApp(secondDb, database.url);
  });
  afterAll(async () => {
    await secondDb.destroy();
    await database.drop();
  });
  beforeEach(() => {
    app = createStoreApp(db, database.url);
  });

  /** An open order of one piece for 199.00 USD, of five in stock. */
  async function placeOrder(): Promise<StripeEventsOf> {
    await db('rate_limits').delete();
    variantId = await seedVariant(db, `N4K-${++skus}`);
    const items = [{ variant_id: variantId, quantity: 1 }];
    const { body } = await request(app.server).post('/api/checkout').send({ items }).expect(201);
    return new StripeEventsOf(body.order_id, 19_900, app.clock.now().getTime() / 1_000);
  }
  const orderOf = ({ orderId }: StripeEventsOf) =>
    db('orders')
      .where({ id: orderId })
      .first<{ status: string; refunded_minor: number; dispute: string | null; email: string | null }>();
  /** Everything that events may change, as text to be compared. */
  async function stateOf(events: StripeEventsOf): Promise<unknown> {
    const of = { payment_intent: events.paymentIntent };
    const { status, refunded_minor, dispute, email } = await orderOf(events);
    const mails = await db('outbox').where({ topic: 'order.confirm', key: `order:${events.orderId}` });
    return {
      order: { status, refunded_minor, dispute, email },
      stock: await stockOf(db, variantId),
      refunds: await db('order_refunds').where(of).orderBy('refund_id').select('amount_minor', 'status'),
      disputes: await db('order_disputes').where(of).select('status'),
      charge: await db('order_payments').where(of).select('charge_refunded_minor'),
      mails: mails.length,
    };
  }
  /** As Stripe does: again until it is taken. */
  async function deliverUntilTaken(to: StoreApp, event: EventJson): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const { status } = await to.deliver(event);
      if (status === 200) return;
      if (attempt === 20) throw new Error(`${event.type} was not taken: ${status}`);
    }
  }
  /** The whole life of an order: paid, partly refunded in two ways of telling, disputed, won. */
  const story = (events: StripeEventsOf): EventJson[] => [
    events.session('async_payment_succeeded'),
    events.completed(),
    events.refund('created', { id: 're_a', amount: 500, status: 'pending' }),
    events.refund('updated', { id: 're_a', amount: 500, status: 'succeeded' }),
    events.refund('created', { id: 're_b', amount: 700, status: 'pending' }),
    events.refund('failed', { id: 're_b', amount: 700, status: 'failed' }),
    events.chargeRefunded(1_200, 1),
    events.chargeRefunded(500, 0),
    events.dispute('created', 'needs_response'),
    events.dispute('closed', 'won'),
  ];
  const renamed = (story_: EventJson[], suffix: string): EventJson[] =>
    JSON.parse(JSON.stringify(story_).replaceAll(/"(re_.|du_1)"/g, `"$1${suffix}"`)) as EventJson[];
  const storyOf = (events: StripeEventsOf) => renamed(story(events), events.paymentIntent);
  const storyEnd = {
    order: { status: 'paid', refunded_minor: 500, dispute: 'won', email: 'canary-customer@example.com' },
    stock: { stock: 4, reserved: 0 },
    refunds: [
      { amount_minor: 500, status: 'succeeded' },
      { amount_minor: 700, status: 'failed' },
    ],
    disputes: [{ status: 'won' }],
    charge: [{ charge_refunded_minor: 1_200 }],
    mails: 1,
  };

  it('takes a payment once though it comes ten times', async () => {
    const events = await placeOrder();
    const event = events.completed();
    expect((await app.deliver(event).expect(200)).body).toEqual({ received: true });
    for (let i = 0; i < 9; i++)
      expect((await app.deliver(event).expect(200)).body).toEqual({ received: true, duplicate: true });
    // Another event about the same payment.
    expect((await app.deliver(events.completed()).expect(200)).body).toEqual({ received: true });
    expect(await stateOf(events)).toMatchObject({ stock: { stock: 4, reserved: 0 }, mails: 1 });
    const audit = db('audit_log').where({ subject_id: events.orderId }).orderBy('seq');
    expect(await audit.pluck('action')).toEqual(['order.place', 'order.pay']);
  });

  it('ends in the same state in whatever order events come, and however often', async () => {
    const indices = Array.from({ length: 10 }, (_, index) => index);
    const someOrder = fc.shuffledSubarray([...indices, ...indices], { minLength: 20 });
    await fc.assert(
      fc.asyncProperty(someOrder, async (order) => {
        const events = await placeOrder();
        const told = storyOf(events);
        for (const index of order) await app.deliver(told[index] as EventJson).expect(200);
        expect(await stateOf(events)).toEqual(storyEnd);
      }),
      { numRuns: 15 },
    );
  });

  it('ends in the same state when two instances take everything at once, ten times', async () => {
    const events = await placeOrder();
    const deliveries = Array.from({ length: 10 }, () => storyOf(events)).flat();
    const once = storyOf(events);
    const all = deliveries.map((event, index) => ({ ...event, id: once[index % once.length]?.id ?? '' }));
    await Promise.all(all.map((event, index) => deliverUntilTaken(index % 2 ? app : second, event)));
    expect(await stateOf(events)).toEqual(storyEnd);
    const audit = db('audit_log').where({ subject_id: events.orderId, action: 'order.pay' });
    expect(await audit).toHaveLength(1);
  });

  it('takes nothing when it fails at any statement, and everything when the event comes again', async () => {
    const crash = { at: 0, statements: 0 };
    const fragileDb = openDatabase({ url: database.url, poolSize: 2 });
    fragileDb.on('query', () => {
      crash.statements += 1;
      if (crash.statements === crash.at) throw new Error('the power went');
    });
    const fragile = createStoreApp(fragileDb, database.url);
    try {
      for (let at = 1; ; at++) {
        const events = await placeOrder();
        await app.deliver(events.refund('created', { id: `re_early_${at}`, amount: 100, status: 'pending' }));
        const before = await stateOf(events);
        const event = events.completed();
        Object.assign(crash, { at, statements: 0 });
        const answer = await fragile.deliver(event);
        Object.assign(crash, { at: 0 });
        if (answer.status === 200) {
          expect(at).toBeGreaterThan(15);
          break;
        }
        expect(answer.status).toBe(500);
        expect(answer.body.error.code).toBe('internal_error');
        expect(await stateOf(events)).toEqual(before);
        await deliverUntilTaken(fragile, event);
        expect(await stateOf(events)).toMatchObject({
          order: { status: 'paid', refunded_minor: 100 },
          stock: { stock: 4, reserved: 0 },
          mails: 1,
        });
      }
    } finally {
      await fragileDb.destroy();
    }
  });

  it('waits for the money of slow ways to pay', async () => {
    const events = await placeOrder();
    await app.deliver(events.completed({ payment_status: 'unpaid' })).expect(200);
    expect(await stateOf(events)).toMatchObject({
      order: { status: 'processing' },
      stock: { stock: 5, reserved: 1 },
      mails: 0,
    });
    await app.deliver(events.session('async_payment_succeeded')).expect(200);
    expect(await stateOf(events)).toMatchObject({
      order: { status: 'paid' },
      stock: { stock: 4, reserved: 0 },
    });
  });

  it('gives the pieces back when a slow way fails, or nobody pays in time', async () => {
    const failing = await placeOrder();
    await app.deliver(failing.completed({ payment_status: 'unpaid' })).expect(200);
    await app.deliver(failing.session('async_payment_failed', { payment_status: 'unpaid' })).expect(200);
    expect(await stateOf(failing)).toMatchObject({
      order: { status: 'failed' },
      stock: { stock: 5, reserved: 0 },
    });

    const expiring = await placeOrder();
    await app.deliver(expiring.expired()).expect(200);
    expect(await stateOf(expiring)).toMatchObject({
      order: { status: 'expired' },
      stock: { stock: 5, reserved: 0 },
    });
  });

  it('sells to who paid though the order was over, and gives the money back when nothing is left', async () => {
    const late = await placeOrder();
    await app.deliver(late.expired()).expect(200);
    await app.deliver(late.completed()).expect(200);
    expect(await stateOf(late)).toMatchObject({
      order: { status: 'paid' },
      stock: { stock: 4, reserved: 0 },
    });

    const tooLate = await placeOrder();
    await app.deliver(tooLate.expired()).expect(200);
    await db('product_variants').where({ id: variantId }).update({ stock: 0 });
    await app.deliver(tooLate.completed()).expect(200);
    expect(await stateOf(tooLate)).toMatchObject({
      order: { status: 'paid' },
      stock: { stock: 0, reserved: 0 },
      refunds: [{ amount_minor: 19_900, status: 'requested' }],
      mails: 0,
    });
    expect(await db('outbox').where({ key: `order:${tooLate.orderId}:refund` })).toHaveLength(1);
  });

  it('keeps a refund and a dispute that come before the payment', async () => {
    const events = await placeOrder();
    await app.deliver(events.chargeRefunded(19_900)).expect(200);
    await app.deliver(events.dispute('created', 'needs_response')).expect(200);
    expect(await orderOf(events)).toMatchObject({ status: 'pending', refunded_minor: 0 });
    await app.deliver(events.completed()).expect(200);
    expect(await orderOf(events)).toMatchObject({ status: 'paid', refunded_minor: 19_900, dispute: 'open' });
  });

  it('ignores what is not about an order of ours', async () => {
    const events = await placeOrder();
    const strange: EventJson[] = [
      { ...events.completed(), type: 'customer.created' },
      events.completed({ metadata: { type: 'data_plan', purchase_id: events.orderId } }),
      events.completed({ metadata: {} }),
      events.completed({ metadata: null }),
      events.completed({ metadata: { type: 'order', order_id: 'x' } }),
      events.completed({ metadata: { type: 'order', order_id: '00000000-0000-4000-8000-000000000000' } }),
      events.refund('created', { id: 're_x', amount: 1, status: 'pending' }, { type: 'data_plan' }),
    ];
    for (const event of strange)
      expect((await app.deliver(event).expect(200)).body).toEqual({ received: true, ignored: true });
    expect((await orderOf(events)).status).toBe('pending');
  });

  it.each([
    ['another amount', { amount_total: 1 }],
    ['another currency', { currency: 'eur' }],
    ['another session', { id: 'cs_test_another' }],
  ])('fulfils no order that was paid with %s, and says so to a person', async (_, change) => {
    const events = await placeOrder();
    await app.deliver(events.completed(change)).expect(200);
    expect((await orderOf(events)).status).toBe('pending');
    expect(app.logged()).toContain('a payment does not fit its order');
    const audit = db('audit_log').where({ subject_id: events.orderId, outcome: 'refused' });
    expect(await audit).toHaveLength(1);
  });

  it('is answered with 500 while it cannot understand an event, so that Stripe keeps it', async () => {
    const events = await placeOrder();
    const event = events.completed({ payment_status: 'in_a_new_way' });
    await app.deliver(event).expect(500);
    expect(await db('webhook_events').where({ event_id: event.id })).toHaveLength(0);
  });

  it('stores addresses that no database can hold as they are', async () => {
    const events = await placeOrder();
    const shipping_details = { name: 'A\u0000da\ud800' };
    await app.deliver(events.completed({ collected_information: { shipping_details } })).expect(200);
    expect((await orderOf(events)).status).toBe('paid');
  });

  it('mails a confirmation, once the order is paid', async () => {
    const events = await placeOrder();
    await app.deliver(events.completed()).expect(200);
    app.backend.outbox.start();
    try {
      let mail = await app.mailer.next();
      while (!mail.text.includes(events.orderId)) mail = await app.mailer.next();
      expect(mail).toMatchObject({ to: 'canary-customer@example.com', subject: 'Your AOVIS order' });
      expect(mail.text).toContain('1 × AOVIS N4K, White, USD 199.00 each');
    } finally {
      await app.backend.outbox.stop();
    }
  });

  describe('checks the signature first', () => {
    const payload = JSON.stringify({ id: 'evt_1' });
    const post = (header: string | undefined, body = payload, to = app) => {
      const test = request(to.server).post('/api/stripe/webhook').set('Content-Type', 'application/json');
      return (header === undefined ? test : test.set('Stripe-Signature', header)).send(body);
    };
    const sign = (seconds = 0, secret = orderWebhookSecret) => {
      const timestamp = app.clock.now().getTime() / 1_000 + seconds;
      return Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });
    };

    it.each([
      ['no signature', () => post(undefined)],
      ['a stale one', () => post(sign(-301))],
      ['one of the future', () => post(sign(301))],
      ['one of another secret', () => post(sign(0, 'whsec_another_secret_0123'))],
      ['a body that differs by a byte', () => post(sign(), payload.replace('1', '2'))],
      ['a list of two', () => post(`${sign()}, ${sign()}`)],
      ['no text at all', () => post('t=1,v1=é')],
      ['an empty body', () => post(sign(), '')],
    ])('%s: 400', async (_, send) => {
      const refused = await send().expect(400);
      expect(refused.body.error.code).toBe('invalid_signature');
    });

    it('without a secret says that it is not configured, whatever came', async () => {
      const unset = createStoreApp(db, database.url, { AOVIS_STRIPE_WEBHOOK_SECRET: '' });
      for (const header of [undefined, sign()]) {
        const refused = await post(header, payload, unset).expect(500);
        expect(refused.body.error.code).toBe('webhook_not_configured');
      }
    });

    it('and then what it is: JSON, an event, of the right mode', async () => {
      expect((await post(sign()).expect(400)).body.error.code).toBe('invalid_request');
      const text = await post(sign()).set('Content-Type', 'text/plain').expect(415);
      expect(text.body.error.code).toBe('unsupported_media_type');
      const events = new StripeEventsOf('x', 1, 1);
      const live = await app.deliver({ ...events.completed(), livemode: true }).expect(400);
      expect(live.body.error.code).toBe('livemode_mismatch');
      expect(app.logged()).toContain('a webhook of the other mode');
    });

    it('refuses what is too long', async () => {
      await post(sign(), 'x'.repeat(300_000)).expect(413);
    });
  });

  it('writes neither the customer nor the secret to the log', () => {
    for (const canary of ['canary-customer', orderWebhookSecret, 'Main St'])
      expect(app.logged() + second.logged()).not.toContain(canary);
  });
});
