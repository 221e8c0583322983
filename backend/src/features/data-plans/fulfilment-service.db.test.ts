import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EiotclubClient } from '../../eiotclub/client.ts';
import { EiotclubCarrier } from '../../eiotclub/eiotclub-carrier.ts';
import { type CarrierFault, TestCarrier, testAccount } from '../../eiotclub/testing/test-carrier.ts';
import { systemClock } from '../../kernel/clock.ts';
import { outTradeNoOf } from './purchase-rules.ts';
import { plan } from './testing/seed.ts';
import { DataPlanStand, handling } from './testing/stand.ts';

describe('a paid data plan', () => {
  let database: TestDatabase;
  let stand: DataPlanStand;
  const wire = new TestCarrier();
  const orderOf = (id: string) => wire.orders.filter((order) => order.outTradeNo === outTradeNoOf(id));

  beforeAll(async () => {
    database = await createTestDatabase();
    const account = { ...testAccount, baseUrl: await wire.start() };
    const client = new EiotclubClient({ account, clock: systemClock, pace: { next: async () => {} } });
    stand = new DataPlanStand(database.knex, new EiotclubCarrier(client));
  });
  afterAll(async () => {
    await wire.stop();
    await database.drop();
  });
  beforeEach(() => {
    wire.faults.length = 0;
    wire.calls.length = 0;
  });

  it('is ordered, comes into use, allows, and is over', async () => {
    const { id, iccid } = await stand.paidPurchase();
    expect(await stand.queued(id)).toEqual(['data_plan.order']);
    expect(await stand.rights(id)).toEqual([]);

    await stand.fulfilment().order(id, handling);
    expect(orderOf(id)).toMatchObject([{ iccid, packageCode: plan.packageCode }]);
    expect(await stand.get(id)).toMatchObject({
      status: 'ordering',
      carrierOrderId: orderOf(id)[0]?.orderId,
    });
    expect(await stand.rights(id)).toEqual([]);

    Object.assign(orderOf(id)[0] ?? {}, { state: 1 });
    stand.clock.advance(60_000);
    await stand.fulfilment().refresh(id, { ...handling, refunded: false });
    const activatedAt = stand.clock.now();
    expect(await stand.get(id)).toMatchObject({
      status: 'active',
      activatedAt,
      endsAt: new Date(activatedAt.getTime() + 30 * 86_400_000),
    });
    expect(await stand.rights(id)).toEqual([
      { capability: 'cellular_data', status: 'active' },
      { capability: 'cloud_playback', status: 'active' },
    ]);

    Object.assign(orderOf(id)[0] ?? {}, { state: 2 });
    await stand.fulfilment().refresh(id, { ...handling, refunded: false });
    expect((await stand.rights(id)).map(({ status }) => status)).toEqual(['revoked', 'revoked']);
    expect(await stand.steps(id)).toEqual([
      'pending paid',
      'paid ordering',
      'ordering active',
      'active expired',
    ]);
  });

  it.each<CarrierFault[]>([
    ['lose-answer'],
    ['lose-answer', 'hang-up', 'http-500'],
    ['http-500', 'lose-answer', 'hang-up'],
    ['hang-up', 'garbage', 'misfit', 'refuse'],
  ])('is ordered once though the carrier does %s, %s, %s', async (...faults) => {
    const { id } = await stand.paidPurchase();
    wire.faults.push(...faults);
    for (let attempt = 1; (await stand.get(id)).status === 'paid'; attempt++) {
      expect(attempt).toBeLessThan(10);
      await stand
        .fulfilment()
        .order(id, handling)
        .catch(() => {});
    }
    expect(orderOf(id)).toHaveLength(1);
    expect(await stand.get(id)).toMatchObject({
      status: 'ordering',
      carrierOrderId: orderOf(id)[0]?.orderId,
    });
  });

  it('asks for an order before it places another, also after the process died in between', async () => {
    const { id } = await stand.paidPurchase();
    wire.faults.push('lose-answer');
    await expect(stand.fulfilment().order(id, handling)).rejects.toMatchObject({
      code: 'service_unavailable',
    });
    wire.calls.length = 0;
    await stand.fulfilment().order(id, handling);
    expect(wire.callsOf('package/orderPackage')).toBe(0);
    expect(orderOf(id)).toHaveLength(1);
  });

  it('is ordered again while the carrier refuses, for a day, and fails then', async () => {
    const { id } = await stand.paidPurchase();
    wire.faults.push('refuse');
    await expect(stand.fulfilment().order(id, handling)).rejects.toMatchObject({
      code: 'sim_provider_error',
    });
    expect((await stand.get(id)).status).toBe('paid');
    stand.clock.advance(25 * 3_600_000);
    // Asked for its order in three states first.
    wire.faults.push('refuse');
    await stand.fulfilment().order(id, handling);
    expect((await stand.get(id)).status).toBe('failed');
    const refusals = await database.knex('audit_log').where({ action: 'data_plan.order', subject_id: id });
    expect(refusals).toMatchObject([
      { outcome: 'failed', details: { code: 'sim_provider_error', carrier_code: '10086' } },
      { outcome: 'failed' },
    ]);
  });

  it.each(['refunded', 'dispute_opened'] as const)('is not ordered once %s', async (event) => {
    const { id } = await stand.paidPurchase();
    await stand.apply(id, event);
    await stand.fulfilment().order(id, handling);
    expect(orderOf(id)).toEqual([]);
  });

  it('is ordered after a dispute that was won', async () => {
    const { id } = await stand.paidPurchase();
    await stand.apply(id, 'dispute_opened', 'dispute_won');
    expect(await stand.queued(id)).toEqual(['data_plan.order', 'data_plan.order']);
    await stand.fulfilment().order(id, handling);
    await stand.fulfilment().order(id, handling);
    expect(orderOf(id)).toHaveLength(1);
  });

  it('suspends what it allows while disputed, and revokes it with the money', async () => {
    const { id } = await stand.paidPurchase();
    await stand.apply(id, 'order_placed', 'package_in_use', 'dispute_opened');
    expect((await stand.rights(id)).map(({ status }) => status)).toEqual(['suspended', 'suspended']);
    await stand.apply(id, 'dispute_won');
    expect((await stand.rights(id)).map(({ status }) => status)).toEqual(['active', 'active']);
    await stand.apply(id, 'refunded');
    expect((await stand.rights(id)).map(({ status }) => status)).toEqual(['revoked', 'revoked']);
    await stand.apply(id, 'dispute_won', 'package_in_use', 'paid_with_sim');
    expect((await stand.get(id)).status).toBe('refunded');
  });

  it('that the carrier paid back is refunded, not used up', async () => {
    const { id } = await stand.paidPurchase();
    await stand.fulfilment().order(id, handling);
    await stand.fulfilment().refresh(id, { ...handling, refunded: true });
    expect((await stand.get(id)).status).toBe('ordering');
    Object.assign(orderOf(id)[0] ?? {}, { state: 2 });
    await stand.fulfilment().refresh(id, { ...handling, refunded: true });
    expect((await stand.get(id)).status).toBe('refunded');
  });

  it('takes each step once though ten hear of it at once on two instances', async () => {
    const { id } = await stand.paidPurchase();
    await stand.fulfilment().order(id, handling);
    Object.assign(orderOf(id)[0] ?? {}, { state: 1 });
    const [one, other] = [stand.fulfilment(), stand.fulfilment()];
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 ? one : other).refresh(id, { ...handling, refunded: false }),
      ),
    );
    expect(await stand.steps(id)).toEqual(['pending paid', 'paid ordering', 'ordering active']);
    expect(await stand.rights(id)).toHaveLength(2);
    expect(
      await database
        .knex('entitlement_grants as g')
        .join('entitlements as e', 'e.id', 'g.entitlement_id')
        .where({ purchase_id: id }),
    ).toHaveLength(2);
  });

  it('waits for a SIM card', async () => {
    const { id } = await stand.newPurchase({ withSim: false });
    await stand.apply(id, 'paid_without_sim');
    expect(await stand.queued(id)).toEqual([]);
    await stand.fulfilment().order(id, handling);
    expect(await stand.get(id)).toMatchObject({ status: 'pending_assignment' });
  });
});
