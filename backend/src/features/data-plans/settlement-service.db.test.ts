import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EiotclubClient } from '../../eiotclub/client.ts';
import { EiotclubCarrier } from '../../eiotclub/eiotclub-carrier.ts';
import { type CarrierFault, TestCarrier, testAccount } from '../../eiotclub/testing/test-carrier.ts';
import { systemClock } from '../../kernel/clock.ts';
import { FakePlanCheckouts } from '../../testing/data-plan-app.ts';
import { dataPlanSettleTopic } from './data-plan-topics.ts';
import { outTradeNoOf } from './purchase-rules.ts';
import { SettlementService } from './settlement-service.ts';
import { DataPlanStand, handling } from './testing/stand.ts';

describe('a paid data plan that came to nothing', () => {
  let database: TestDatabase;
  let stand: DataPlanStand;
  let checkouts: FakePlanCheckouts;
  let carrier: EiotclubCarrier;
  const wire = new TestCarrier();
  const orderOf = (id: string) => wire.orders.find((order) => order.outTradeNo === outTradeNoOf(id));

  beforeAll(async () => {
    database = await createTestDatabase();
    const account = { ...testAccount, baseUrl: await wire.start() };
    const client = new EiotclubClient({ account, clock: systemClock, pace: { next: async () => {} } });
    carrier = new EiotclubCarrier(client);
    stand = new DataPlanStand(database.knex, carrier);
  });
  afterAll(async () => {
    await wire.stop();
    await database.drop();
  });
  beforeEach(() => {
    wire.faults.length = 0;
    wire.calls.length = 0;
    checkouts = new FakePlanCheckouts();
  });

  async function paid(): Promise<{ id: string; paymentIntent: string }> {
    const { id } = await stand.paidPurchase();
    const paymentIntent = `pi_${randomUUID()}`;
    await database.knex('data_plan_purchases').where({ id }).update({ payment_intent: paymentIntent });
    return { id, paymentIntent };
  }

  /** What lies in the outbox to settle this purchase, handled as the worker does. */
  async function settle(id: string, attempt = 1): Promise<void> {
    const rows = await database
      .knex('outbox')
      .where({ topic: dataPlanSettleTopic })
      .whereRaw(`payload->>'purchase_id' = ?`, [id])
      .select<{ payload: unknown }[]>('payload');
    expect(rows.length).toBeGreaterThan(0);
    const service = new SettlementService({ db: database.knex, carrier, checkouts, log: stand.log });
    for (const { payload } of rows)
      await service.outboxHandlers()[dataPlanSettleTopic]?.(payload, { ...handling, attempt });
  }

  const notes = async (id: string): Promise<string[]> => {
    const rows = await database
      .knex('audit_log')
      .where({ subject_id: id })
      .whereIn('action', ['data_plan.cancel', 'data_plan.pay_back'])
      .orderBy('seq')
      .select<{ action: string; outcome: string }[]>('action', 'outcome');
    return rows.map(({ action, outcome }) => `${action} ${outcome}`);
  };

  it('because the carrier refuses it: the customer gets the money back, and nothing is ordered', async () => {
    const { id, paymentIntent } = await paid();
    await stand.apply(id, 'order_refused');
    await settle(id);
    expect(checkouts.refunded).toEqual([{ purchaseId: id, paymentIntent }]);
    expect(wire.callsOf('package/refundPackage')).toBe(0);
    expect(await notes(id)).toEqual(['data_plan.pay_back ok']);
  });

  it('because the money went back: what was ordered is cancelled, once', async () => {
    const { id } = await paid();
    await stand.fulfilment().order(id, handling);
    await database.knex('data_plan_purchases').where({ id }).update({ refunded_minor: 999_999 });
    await stand.apply(id, 'refunded');
    await settle(id);
    await settle(id);
    expect(orderOf(id)?.state).toBe(2);
    expect(wire.callsOf('package/refundPackage')).toBe(1);
    expect(checkouts.refunded).toEqual([]);
    expect(await notes(id)).toEqual(['data_plan.cancel ok']);
  });

  it('because the bank took the money: the order is cancelled, and nothing more is paid', async () => {
    const { id } = await paid();
    await stand.fulfilment().order(id, handling);
    await stand.apply(id, 'dispute_opened', 'dispute_lost');
    await settle(id);
    expect(orderOf(id)?.state).toBe(2);
    expect(checkouts.refunded).toEqual([]);
  });

  it('while its order was on its way: the order that turns up is cancelled too', async () => {
    const { id } = await paid();
    await database.knex('data_plan_purchases').where({ id }).update({ refunded_minor: 999_999 });
    wire.faults.push('lose-answer');
    await expect(stand.fulfilment().order(id, handling)).rejects.toThrow();
    await stand.apply(id, 'refunded');
    await database.knex('outbox').where({ topic: dataPlanSettleTopic }).delete();
    await stand.fulfilment().refresh(id, { ...handling, refunded: false });
    await settle(id);
    expect(orderOf(id)?.state).toBe(2);
  });

  it.each<CarrierFault>(['lose-answer', 'hang-up', 'http-500', 'refuse'])(
    'is settled by the next attempt when the carrier fails by %s',
    async (fault) => {
      const { id } = await paid();
      await stand.fulfilment().order(id, handling);
      await stand.apply(id, 'refunded');
      wire.faults.push(fault);
      await expect(settle(id)).rejects.toMatchObject({ code: expect.any(String) });
      await settle(id, 2);
      expect(orderOf(id)?.state).toBe(2);
    },
  );

  it('is for a person when the carrier goes on refusing', async () => {
    const { id } = await paid();
    await stand.fulfilment().order(id, handling);
    await stand.apply(id, 'refunded');
    wire.faults.push('refuse');
    await settle(id, 5);
    expect(orderOf(id)?.state).toBe(0);
    expect(await notes(id)).toEqual(['data_plan.cancel failed', 'data_plan.pay_back ok']);
  });

  it('waits while the payment provider is away', async () => {
    const { id } = await paid();
    await stand.apply(id, 'order_refused');
    checkouts.isDown = true;
    await expect(settle(id)).rejects.toMatchObject({ code: 'payment_provider_unavailable' });
    checkouts.isDown = false;
    await settle(id);
    expect(checkouts.refunded).toHaveLength(1);
  });

  it('has nothing to settle when it was never paid', async () => {
    const { id } = await stand.newPurchase();
    await stand.apply(id, 'payment_failed');
    expect(await database.knex('outbox').whereRaw(`payload->>'purchase_id' = ?`, [id])).toEqual([]);
  });
});
