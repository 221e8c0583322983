import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import request from 'supertest';
import type { Database } from '../../db/database.ts';
import {
  carrierSecret,
  createDataPlanApp,
  cronSecret,
  type DataPlanApp,
} from '../../testing/data-plan-app.ts';
import { seedBoard, seedOwnership, seedUser } from '../devices/testing/seed.ts';
import { KnexDataPlanRepository } from './data-plan-repository.ts';
import { KnexPurchaseRepository } from './purchase-repository.ts';
import { outTradeNoOf } from './purchase-rules.ts';
import { plan, seedPurchase } from './testing/seed.ts';

let events = 0;
const eventId = () => `evt_${(events += 1)}`;

describe('data plans', () => {
  let database: TestDatabase;
  let db: Database;
  let app: DataPlanApp;
  let owner: string;
  let deviceId: string;
  let iccid: string;
  let cards = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
    await new KnexDataPlanRepository(db).save([plan], new Date());
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    app = createDataPlanApp(db, database.url);
    cards += 1;
    iccid = `894450010299${String(cards).padStart(6, '0')}`;
    owner = await seedUser(db);
    deviceId = await seedBoard(db, { iccid });
    await seedOwnership(db, { userId: owner, deviceId });
    for (const table of ['rate_limits', 'outbox']) await db(table).delete();
  });
  const as = (user: string) => ({
    get: (path: string) => request(app.server).get(path).set('Authorization', `Bearer ${user}`),
    post: (path: string, body: object) =>
      request(app.server).post(path).set('Authorization', `Bearer ${user}`).send(body),
  });
  const buy = (user = owner, body: object = { plan_id: plan.planId, device_id: deviceId }) =>
    as(user).post('/api/checkout/data-plan', body);
  const bought = async (): Promise<string> => (await buy().expect(201)).body.purchase_id as string;
  const session = (purchaseId: string, change: object = {}) => ({
    id: `cs_test_${purchaseId}`,
    payment_intent: `pi_${purchaseId}`,
    payment_status: 'paid',
    metadata: { type: 'data_plan', purchase_id: purchaseId },
    ...change,
  });
  const pay = (purchaseId: string) =>
    app.deliver({ id: eventId(), type: 'checkout.session.completed', object: session(purchaseId) });
  const statusOf = async (id: string) => (await new KnexPurchaseRepository(db).find(id))?.status;
  const stepsOf = (id: string) =>
    db('audit_log').where({ action: 'data_plan.transition', subject_id: id }).orderBy('seq');

  describe('on sale', () => {
    it('are shown to everybody', async () => {
      const { body } = await request(app.server).get('/api/data-plans').expect(200);
      expect(body).toEqual({
        plans: [
          {
            plan_id: plan.planId,
            name: plan.name,
            description: plan.description,
            price_minor: 990,
            currency: 'eur',
            data_mb: 5_120,
            duration_days: 30,
            capabilities: ['cloud_playback', 'cellular_data'],
          },
        ],
      });
    });

    it('are paid at the price of the plan, and allow nothing yet', async () => {
      const { body } = await buy().expect(201);
      expect(app.checkouts.opened).toMatchObject([
        { purchaseId: body.purchase_id, userId: owner, deviceId, priceMinor: 990, currency: 'eur' },
      ]);
      expect(body).toMatchObject({ expires_at: '2026-03-01T09:00:00.000Z' });
      const { body: list } = await as(owner).get('/api/account/purchases').expect(200);
      expect(list).toMatchObject({ purchases: [{ status: 'pending', paid_at: null }], next_cursor: null });
      expect(JSON.stringify(list)).not.toContain(iccid);
      expect(list.purchases[0].iccid).toMatch(/^8944\*+\d{4}$/);
      expect(await db('entitlements').where({ user_id: owner })).toEqual([]);
    });

    it.each([
      [{ plan_id: 'no-such-plan' }, 404, 'plan_not_found'],
      [{ device_id: 'aovis-n4k-999999' }, 404, 'device_not_found'],
      [{ price_minor: 1 }, 400, 'invalid_request'],
      [{ plan_id: 7 }, 400, 'invalid_request'],
    ])('are not sold with %j', async (change, status, code) => {
      const { body } = await buy(owner, { plan_id: plan.planId, device_id: deviceId, ...change }).expect(
        status,
      );
      expect(body.error.code).toBe(code);
    });

    it('are not sold for the device of another, nor without signing in', async () => {
      const stranger = await seedUser(db);
      await buy(stranger).expect(404);
      await request(app.server).post('/api/checkout/data-plan').send({}).expect(401);
    });

    it('fail when no payment page can be opened', async () => {
      app.checkouts.isDown = true;
      await buy().expect(503);
      const [purchase] = await new KnexPurchaseRepository(db).list(owner, { after: undefined, limit: 1 });
      expect(purchase?.status).toBe('failed');
    });

    it('are listed page by page, each to its owner alone', async () => {
      const ids = [];
      for (let index = 0; index < 3; index++) {
        app.clock.advance(1_000);
        ids.unshift(await bought());
      }
      const first = await as(owner).get('/api/account/purchases?limit=2').expect(200);
      const second = await as(owner).get(
        `/api/account/purchases?limit=2&cursor=${first.body.next_cursor as string}`,
      );
      const seen = [...first.body.purchases, ...second.body.purchases] as { purchase_id: string }[];
      expect(seen.map(({ purchase_id }) => purchase_id)).toEqual(ids);
      expect(second.body.next_cursor).toBeNull();
      expect((await as(await seedUser(db)).get('/api/account/purchases')).body.purchases).toEqual([]);
      await as(owner).get('/api/account/purchases?cursor=x').expect(400);
    });
  });

  describe('a payment', () => {
    it('moves a purchase on once, though it is reported ten times at once to two instances', async () => {
      const id = await bought();
      const other = createDataPlanApp(db, database.url);
      const event = { id: eventId(), type: 'checkout.session.completed', object: session(id) };
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, index) => (index % 2 ? app : other).deliver(event).expect(200)),
      );
      expect(answers.filter(({ body }) => body.duplicate === true)).toHaveLength(9);
      expect(await statusOf(id)).toBe('paid');
      expect(await stepsOf(id)).toHaveLength(1);
      expect(await db('outbox').where({ topic: 'data_plan.order' })).toHaveLength(1);
      expect(await db('entitlements').where({ user_id: owner })).toEqual([]);
    });

    it('reported by another event changes nothing more', async () => {
      const id = await bought();
      await pay(id).expect(200);
      await pay(id).expect(200);
      expect(await stepsOf(id)).toHaveLength(1);
    });

    it('that is only promised waits', async () => {
      const id = await bought();
      const object = session(id, { payment_status: 'unpaid' });
      await app.deliver({ id: eventId(), type: 'checkout.session.completed', object }).expect(200);
      expect(await statusOf(id)).toBe('pending');
      const later = { id: eventId(), type: 'checkout.session.async_payment_succeeded', object: session(id) };
      await app.deliver(later).expect(200);
      expect(await statusOf(id)).toBe('paid');
    });

    it.each(['checkout.session.expired', 'checkout.session.async_payment_failed'])(
      '%s fails',
      async (type) => {
        const id = await bought();
        await app
          .deliver({ id: eventId(), type, object: session(id, { payment_status: 'unpaid' }) })
          .expect(200);
        expect(await statusOf(id)).toBe('failed');
      },
    );

    it('for a device without a SIM card waits for one', async () => {
      await db('devices').where({ device_id: deviceId }).update({ iccid: null });
      const id = await bought();
      await pay(id).expect(200);
      expect(await statusOf(id)).toBe('pending_assignment');
      expect(await db('outbox')).toEqual([]);
    });

    it.each([
      ['of an order', { metadata: { type: 'order', order_id: 'x' } }],
      ['of nobody', { metadata: {} }],
      [
        'of an unknown purchase',
        { metadata: { type: 'data_plan', purchase_id: '0b9e9f0e-54f1-4a39-9d4e-0a4b7d2f7c11' } },
      ],
      ['with a broken purchase', { metadata: { type: 'data_plan', purchase_id: "'" } }],
    ])('%s is ignored', async (_, change) => {
      const object = session('none', change);
      const { body } = await app
        .deliver({ id: eventId(), type: 'checkout.session.completed', object })
        .expect(200);
      expect(body).toEqual({ received: true, ignored: true });
    });

    it('is refused without a good signature, with 400', async () => {
      const { body } = await request(app.server)
        .post('/api/webhooks/data-plan')
        .set('Stripe-Signature', 't=1,v1=00')
        .send({})
        .expect(400);
      expect(body.error.code).toBe('invalid_signature');
    });

    it('is refused while no secret is set, with 500', async () => {
      app = createDataPlanApp(db, database.url, {
        environment: {
          AOVIS_STRIPE_DATA_PLAN_WEBHOOK_SECRET: '',
          EIOTCLUB_WEBHOOK_SECRET: '',
          CRON_SECRET: '',
        },
      });
      for (const [path, code] of [
        ['/api/webhooks/data-plan', 'webhook_not_configured'],
        ['/api/webhooks/eiotclub', 'webhook_not_configured'],
        ['/api/cron/eiotclub-reconcile', 'cron_not_configured'],
      ] as const) {
        const { body } = await request(app.server).post(path).expect(500);
        expect(body.error.code).toBe(code);
      }
    });
  });

  describe('refunds and disputes', () => {
    const total = (id: string, amount: number, metadata: object = { type: 'data_plan' }) => ({
      type: 'charge.refunded',
      object: { payment_intent: `pi_${id}`, amount_refunded: amount, metadata },
    });
    const refund = (id: string, amount: number, status = 'succeeded', refundId = 're_1') => ({
      type: `refund.${status === 'failed' ? 'failed' : 'created'}`,
      object: { id: `${refundId}${id}`, payment_intent: `pi_${id}`, amount, status },
    });
    const dispute = (id: string, status: string) => ({
      type: status === 'needs_response' ? 'charge.dispute.created' : 'charge.dispute.closed',
      object: { id: `dp_${id}`, payment_intent: `pi_${id}`, status },
    });
    const paid = (id: string) => ({ type: 'checkout.session.completed', object: session(id) });
    type Report = { type: string; object: Record<string, unknown> };
    const stories: [string, string, number, (id: string) => Report[]][] = [
      ['a part of it back', 'paid', 400, (id) => [paid(id), refund(id, 400), total(id, 400)]],
      ['all of it back', 'refunded', 990, (id) => [paid(id), refund(id, 990), total(id, 990)]],
      [
        'two halves',
        'refunded',
        990,
        (id) => [paid(id), refund(id, 495), refund(id, 495, 'pending', 're_2')],
      ],
      ['a refund that failed', 'paid', 0, (id) => [paid(id), refund(id, 400), refund(id, 400, 'failed')]],
      ['a dispute that is open', 'disputed', 0, (id) => [paid(id), dispute(id, 'needs_response')]],
      [
        'a dispute that was won',
        'paid',
        0,
        (id) => [paid(id), dispute(id, 'needs_response'), dispute(id, 'won')],
      ],
      [
        'a dispute that was lost',
        'refunded',
        0,
        (id) => [paid(id), dispute(id, 'needs_response'), dispute(id, 'lost')],
      ],
    ];

    it.each(stories)(
      '%s ends as %s, in whatever order and however often it is told',
      async (_, end, minor, story) => {
        const count = story('').length;
        await fc.assert(
          fc.asyncProperty(
            fc.shuffledSubarray([...Array(count).keys(), ...Array(count).keys()], { minLength: 2 * count }),
            async (order) => {
              const id = await bought();
              const ids = story(id).map(eventId);
              for (const index of order)
                await app.deliver({ id: ids[index] ?? '', ...(story(id)[index] as Report) }).expect(200);
              expect(await new KnexPurchaseRepository(db).find(id)).toMatchObject({
                status: end,
                refundedMinor: minor,
              });
            },
          ),
          { numRuns: 6 },
        );
      },
    );

    it('of orders are ignored', async () => {
      const { body } = await app
        .deliver({ id: eventId(), ...total('x', 990, { type: 'order' }) })
        .expect(200);
      expect(body).toEqual({ received: true, ignored: true });
    });
  });

  describe('a notification of the carrier', () => {
    const ordered = async () => {
      const id = await seedPurchase(db, { userId: owner, deviceId, iccid, now: app.clock.now() });
      await pay(id).expect(200);
      await db('outbox').delete();
      return id;
    };
    const queued = () => db('outbox').where({ topic: 'data_plan.refresh' });
    const refund = (change: object = {}) => ({
      id: eventId(),
      event: 'CloudESimRefund',
      orderAmount: '9.90',
      refundAmount: '9.90',
      ...change,
    });

    it('is answered as configured, and is only a reason to ask the carrier', async () => {
      const id = await ordered();
      const { body } = await app
        .notify({ id: eventId(), event: 'PkgEffective', data: { iccid, state: 1 } })
        .expect(200);
      expect(body).toEqual({ code: '200', message: 'success' });
      expect(await queued()).toMatchObject([{ payload: { purchase_id: id, refunded: false } }]);
      expect(await statusOf(id)).toBe('paid');

      app = createDataPlanApp(db, database.url, { environment: { EIOTCLUB_ACKNOWLEDGEMENT: 'success' } });
      const answer = await app.notify({ id: eventId(), event: 'CardStopped', iccid }).expect(200);
      expect([answer.text, answer.type]).toEqual(['success', 'text/plain']);
    });

    it('counts once though it comes ten times at once to two instances', async () => {
      const id = await ordered();
      const other = createDataPlanApp(db, database.url);
      const notice = refund({ outTradeNo: outTradeNoOf(id) });
      await Promise.all(
        Array.from({ length: 10 }, (_, index) => (index % 2 ? app : other).notify(notice).expect(200)),
      );
      expect(await queued()).toMatchObject([{ payload: { purchase_id: id, refunded: true } }]);
      expect(await db('webhook_events').where({ provider: 'eiotclub', event_id: notice.id })).toHaveLength(1);
    });

    it('that was split anew is refused, kept nowhere and audited', async () => {
      const honest = refund({ outTradeNo: outTradeNoOf(await ordered()), zz: '2' });
      const forged: Record<string, unknown> = { ...honest, refundAmount: '9.90&zz=2' };
      delete forged['zz'];
      const { body } = await app.notify(forged).expect(400);
      expect(body.error).toMatchObject({
        code: 'invalid_request',
        details: [expect.objectContaining({ path: 'body.refundAmount' })],
      });
      expect(await db('webhook_events').where({ event_id: honest.id })).toEqual([]);
      expect(
        await db('audit_log')
          .where({ action: 'carrier.notice', outcome: 'refused' })
          .orderBy('seq', 'desc')
          .first(),
      ).toMatchObject({
        details: { code: 'invalid_request', fields: ['body.refundAmount'] },
      });
      await app.notify(honest).expect(200);
    });

    it('of a kind that is not known is kept and answered alike', async () => {
      const id = eventId();
      await app.notify({ id, event: 'SomethingNew', big: 'x&y=1' }).expect(200);
      expect(await db('webhook_events').where({ event_id: id })).toMatchObject([
        { provider: 'eiotclub', type: 'SomethingNew', payload: { big: 'x&y=1' } },
      ]);
      expect(app.logged()).toContain('SomethingNew');
    });

    it('that warns is noted with the card', async () => {
      await app
        .notify({ id: eventId(), event: 'FlowAlert', alert_type: 2, alert_value: '9', iccid })
        .expect(200);
      expect(await db('sims').where({ iccid }).first()).toMatchObject({ usage_alert: 'below_10_percent' });
      expect(await queued()).toEqual([]);
    });

    it.each([
      ['from long ago', { timestamp: 1_772_352_000 - 301 }],
      ['from the future', { timestamp: 1_772_352_000 + 301 }],
      ['without a time', { timestamp: undefined }],
    ])('%s is refused', async (_, change) => {
      const { body } = await app
        .notify({ id: eventId(), event: 'CardStopped', iccid, ...change })
        .expect(401);
      expect(body.error.code).toBe('invalid_signature');
    });

    it('is refused, whatever it is, when it is not signed', async () => {
      const post = (body: string) =>
        request(app.server)
          .post('/api/webhooks/eiotclub')
          .set('Content-Type', 'application/json')
          .serialize(String)
          .send(body);
      for (const body of ['', '{', '[]', 'null', '{}', `{"sign":"${'A'.repeat(40)}","timestamp":1772352000}`])
        await post(body).expect(401);
      expect(app.logged()).not.toContain(carrierSecret);
    });

    it('is taken or refused, and never fails, whatever was signed', async () => {
      const value = fc.oneof(
        fc.jsonValue({ stringUnit: 'binary' }),
        fc.maxSafeNat(),
        fc.constant('89'.repeat(10)),
      );
      const name = fc.constantFrom(
        'iccid',
        'eid',
        'outTradeNo',
        'orderId',
        'data',
        'alert_type',
        'alert_value',
        'refundAmount',
        'orderAmount',
        'x',
      );
      const kind = fc.constantFrom(
        'FlowAlert',
        'SubPkgList',
        'PkgEffective',
        'CloudESimPkgActivate',
        'CloudESimRefund',
        'CardStopped',
        'New',
        '',
      );
      await fc.assert(
        fc.asyncProperty(fc.dictionary(name, value), kind, async (content, event) => {
          const { status } = await app.notify({ id: eventId(), event, ...content });
          expect([200, 400, 401]).toContain(status);
        }),
        { numRuns: 150 },
      );
    });
  });

  describe('reconciliation', () => {
    const call = (authorization?: string) => {
      const test = request(app.server).post('/api/cron/eiotclub-reconcile');
      return authorization === undefined ? test : test.set('Authorization', authorization);
    };

    it('is for the scheduler alone', async () => {
      await call().expect(401);
      await call(`Bearer ${owner}`).expect(401);
      await call(`Bearer ${cronSecret.slice(0, -1)}`).expect(401);
      const { body } = await call(`Bearer ${cronSecret}`).expect(200);
      expect(Object.keys(body as object).sort()).toEqual([
        'assigned',
        'expired',
        'ordered_again',
        'refreshed',
      ]);
    });
  });
});
