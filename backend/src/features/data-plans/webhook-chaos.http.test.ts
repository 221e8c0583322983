import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Response } from 'supertest';
import { type Database, openDatabase } from '../../db/database.ts';
import { createDataPlanApp, type DataPlanApp } from '../../testing/data-plan-app.ts';
import { seedBoard, seedUser } from '../devices/testing/seed.ts';
import { KnexDataPlanRepository } from './data-plan-repository.ts';
import { lockPayment, noteRefund } from './payment-facts.ts';
import { outTradeNoOf } from './purchase-rules.ts';
import { plan, seedPurchase } from './testing/seed.ts';

interface Purchase {
  id: string;
  iccid: string;
}

/** A message of a partner about one purchase, to be sent as often as one likes. */
type Message = (to: DataPlanApp) => PromiseLike<Response>;

const instanceCount = 4;

describe('what partners report of data plans', () => {
  let database: TestDatabase;
  let db: Database;
  let pools: Database[];
  let instances: DataPlanApp[];
  let cards = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
    await new KnexDataPlanRepository(db).save([plan], new Date());
    pools = Array.from({ length: instanceCount }, () => openDatabase({ url: database.url, poolSize: 3 }));
    instances = pools.map((pool) => createDataPlanApp(pool, database.url));
  });
  afterAll(async () => {
    await Promise.all(pools.map((pool) => pool.destroy()));
    await database.drop();
  });
  beforeEach(async () => {
    await db('outbox').delete();
  });

  async function bought(): Promise<Purchase> {
    cards += 1;
    const iccid = `894450010377${String(cards).padStart(6, '0')}`;
    const userId = await seedUser(db);
    const deviceId = await seedBoard(db, { iccid });
    const now = instances[0]?.clock.now() ?? new Date();
    return { id: await seedPurchase(db, { userId, deviceId, iccid, now }), iccid };
  }

  const stripe = (type: string, object: Record<string, unknown>): Message => {
    const id = `evt_${randomUUID().replaceAll('-', '')}`;
    return (to) => to.deliver({ id, type, object });
  };
  const messagesOf = ({ id, iccid }: Purchase) => {
    const intent = { payment_intent: `pi_${id}` };
    const notice = {
      id: randomUUID(),
      event: 'PkgEffective',
      outTradeNo: outTradeNoOf(id),
      data: { iccid, state: 1 },
    };
    return {
      paid: stripe('checkout.session.completed', {
        id: `cs_test_${id}`,
        ...intent,
        payment_status: 'paid',
        metadata: { type: 'data_plan', purchase_id: id },
      }),
      disputed: stripe('charge.dispute.created', { id: `dp_${id}`, ...intent, status: 'needs_response' }),
      won: stripe('charge.dispute.closed', { id: `dp_${id}`, ...intent, status: 'won' }),
      refunded: stripe('refund.created', {
        id: `re_${id}`,
        ...intent,
        amount: plan.priceMinor,
        status: 'succeeded',
      }),
      total: stripe('charge.refunded', {
        ...intent,
        amount_refunded: plan.priceMinor,
        metadata: { type: 'data_plan' },
      }),
      effective: ((to) => to.notify(notice)) satisfies Message,
    };
  };
  type MessageName = keyof ReturnType<typeof messagesOf>;

  /** Everything that messages may change, to be compared. */
  async function stateOf({ id }: Purchase): Promise<unknown> {
    const purchase = await db('data_plan_purchases')
      .where({ id })
      .first('status', 'resume_status', 'refunded_minor', 'payment_intent');
    const queued = await db('outbox')
      .whereRaw(`payload->>'purchase_id' = ?`, [id])
      .orderBy('id')
      .pluck('topic');
    const steps = await db('audit_log')
      .where({ action: 'data_plan.transition', subject_id: id })
      .orderBy('seq')
      .select<{ details: { to: string } }[]>('details');
    const rights = await db('entitlements').where({ purchase_id: id }).orderBy('capability').pluck('status');
    return {
      ...purchase,
      payment_intent: purchase.payment_intent === `pi_${id}`,
      queued,
      steps: steps.map(({ details }) => details.to),
      rights,
    };
  }

  /** As partners do: again until it is taken. */
  async function until200(message: Message, to: DataPlanApp): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const { status } = await message(to);
      if (status === 200) return;
      if (attempt === 20) throw new Error(`not taken: ${status}`);
    }
  }

  const life: readonly [MessageName, unknown][] = [
    ['paid', { status: 'paid', steps: ['paid'], queued: ['data_plan.order'] }],
    ['effective', { status: 'paid', queued: ['data_plan.order', 'data_plan.refresh'] }],
    ['disputed', { status: 'disputed', resume_status: 'paid', steps: ['paid', 'disputed'] }],
    ['won', { status: 'paid', resume_status: null, steps: ['paid', 'disputed', 'paid'] }],
    ['refunded', { status: 'refunded', refunded_minor: plan.priceMinor, rights: [] }],
  ];

  it('changes nothing when it fails at any statement, and everything when it comes again', async () => {
    const crash = { at: 0, statements: 0 };
    const fragileDb = openDatabase({ url: database.url, poolSize: 2 });
    fragileDb.on('query', () => {
      crash.statements += 1;
      if (crash.statements === crash.at) throw new Error('the power went');
    });
    const fragile = createDataPlanApp(fragileDb, database.url);
    const [sound] = instances as [DataPlanApp];
    try {
      for (const [index, [name, expected]] of life.entries()) {
        for (let at = 1; ; at++) {
          const purchase = await bought();
          const messages = messagesOf(purchase);
          for (const [earlier] of life.slice(0, index)) await until200(messages[earlier], sound);
          const before = await stateOf(purchase);
          Object.assign(crash, { at, statements: 0 });
          const { status } = await messages[name](fragile);
          Object.assign(crash, { at: 0 });
          if (status === 200) {
            // More statements than there are were asked to fail: all of them were tried.
            expect(crash.statements).toBeLessThan(at);
            expect(at).toBeGreaterThan(4);
            break;
          }
          expect({ name, at, status }).toEqual({ name, at, status: 500 });
          expect(await stateOf(purchase)).toEqual(before);
          await until200(messages[name], fragile);
          expect(await stateOf(purchase)).toMatchObject(expected as object);
        }
      }
    } finally {
      await fragileDb.destroy();
    }
  }, 60_000);

  it('lets a checkout wait for the refund of its payment that is just being noted', async () => {
    const [sound] = instances as [DataPlanApp];
    const purchase = await bought();
    const refund = {
      kind: 'refund',
      refundId: `re_${purchase.id}`,
      paymentIntent: `pi_${purchase.id}`,
      metadata: {},
      amountMinor: plan.priceMinor,
      status: 'succeeded',
    } as const;
    const noting = await db.transaction();
    await lockPayment(noting, refund.paymentIntent);
    const taken = until200(messagesOf(purchase).paid, sound);
    while (!(await isAnyoneWaiting())) await setImmediate();
    await noteRefund(noting, refund, sound.clock.now());
    await noting.commit();
    await taken;
    expect(await stateOf(purchase)).toMatchObject({ status: 'refunded', refunded_minor: plan.priceMinor });
  });

  async function isAnyoneWaiting(): Promise<boolean> {
    const waiting = await db('pg_locks')
      .where({ locktype: 'advisory', granted: false })
      .whereRaw('database = (SELECT oid FROM pg_database WHERE datname = current_database())')
      .first('pid');
    return waiting !== undefined;
  }

  it.each([2, instanceCount])(
    'comes to the same end when %d instances take all of it at once, ten times',
    async (count) => {
      const purchases = await Promise.all(Array.from({ length: 6 }, bought));
      const used = instances.slice(0, count);
      await Promise.all(
        purchases.flatMap((purchase) => {
          const messages = Object.values(messagesOf(purchase));
          return Array.from({ length: 10 }, (_, time) =>
            messages.map((message, index) => until200(message, used[(time + index) % count] as DataPlanApp)),
          ).flat();
        }),
      );
      for (const purchase of purchases) {
        const state = (await stateOf(purchase)) as { steps: string[]; queued: string[] };
        expect(state).toMatchObject({
          status: 'refunded',
          resume_status: null,
          refunded_minor: plan.priceMinor,
          payment_intent: true,
          rights: [],
        });
        // However the messages were mixed: it was paid once, and it ended once.
        expect(state.steps.filter((step) => step === 'refunded')).toHaveLength(1);
        expect(state.steps.at(-1)).toBe('refunded');
        expect(state.queued.filter((topic) => topic === 'data_plan.settle')).toHaveLength(1);
        expect(state.queued.filter((topic) => topic === 'data_plan.refresh').length).toBeLessThanOrEqual(1);
      }
    },
    60_000,
  );
});
