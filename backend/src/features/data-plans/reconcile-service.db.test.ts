import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ReconcileService } from './reconcile-service.ts';
import { DataPlanStand } from './testing/stand.ts';

const secret = 'of-the-scheduler-5d20b9e1f7c84a63d91e0b4f';
const minute = 60_000;
/** Nothing here calls the carrier. */
const noCarrier = {
  placeOrder: () => Promise.reject(new Error('called')),
  cancelOrder: () => Promise.reject(new Error('nobody is called')),
  findOrder: () => Promise.reject(new Error('called')),
};

describe('reconciliation', () => {
  let database: TestDatabase;
  let stand: DataPlanStand;
  const reconciliation = (cronSecret: string | undefined = secret) => {
    const { db, clock, transitions } = stand;
    return new ReconcileService({ db, clock, transitions, cronSecret });
  };
  const nothing = { refreshed: 0, ordered_again: 0, assigned: 0, expired: 0 };

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    stand = new DataPlanStand(database.knex, noCarrier);
    await database.knex('outbox').delete();
    await database.knex('data_plan_purchases').update({ status: 'failed', resume_status: null });
  });

  it('asks about an ordered one that nothing was heard of, once', async () => {
    const { id } = await stand.paidPurchase();
    await stand.apply(id, 'order_placed');
    await database.knex('outbox').delete();
    expect(await reconciliation().run('r')).toEqual(nothing);
    stand.clock.advance(5 * minute);
    const runs = await Promise.all([reconciliation().run('r'), reconciliation().run('r')]);
    expect(runs.map(({ refreshed }) => refreshed).toSorted((a, b) => a - b)).toEqual([0, 1]);
    expect(await stand.queued(id)).toEqual(['data_plan.refresh']);
  });

  it('orders again what was given up or lost', async () => {
    const { id } = await stand.paidPurchase();
    stand.clock.advance(15 * minute);
    expect(await reconciliation().run('r')).toEqual(nothing);
    await database.knex('outbox').update({ dead_at: new Date() });
    expect(await reconciliation().run('r')).toMatchObject({ ordered_again: 1 });
    expect(await stand.queued(id)).toHaveLength(2);
    expect(await reconciliation().run('r')).toEqual(nothing);
  });

  it('ends what is over, and only that', async () => {
    const { id } = await stand.paidPurchase();
    await stand.apply(id, 'order_placed', 'package_in_use');
    await database.knex('outbox').delete();
    stand.clock.advance(30 * 86_400_000 - 1);
    expect(await reconciliation().run('r')).toMatchObject({ expired: 0, refreshed: 1 });
    await database.knex('outbox').delete();
    stand.clock.advance(1);
    expect(await reconciliation().run('r')).toMatchObject({ expired: 1 });
    expect((await stand.get(id)).status).toBe('expired');
    expect((await stand.rights(id)).map(({ status }) => status)).toEqual(['active', 'active']);
  });

  it('gives a waiting one the card that its device got', async () => {
    const { id, deviceId } = await stand.newPurchase({ withSim: false });
    await stand.apply(id, 'paid_without_sim');
    expect(await reconciliation().run('r')).toEqual(nothing);
    await database.knex('sims').insert({ iccid: '8944500102198304826' });
    await database.knex('devices').where({ device_id: deviceId }).update({ iccid: '8944500102198304826' });
    const runs = await Promise.all([reconciliation().run('r'), reconciliation().run('r')]);
    expect(runs.map(({ assigned }) => assigned).toSorted((a, b) => a - b)).toEqual([0, 1]);
    expect(await stand.get(id)).toMatchObject({
      iccid: '8944500102198304826',
      status: 'pending_assignment',
    });
    expect(await stand.queued(id)).toEqual(['data_plan.order']);
  });

  it.each([
    [undefined, 'unauthorized'],
    ['', 'unauthorized'],
    [secret, 'unauthorized'],
    [`Bearer ${secret}x`, 'unauthorized'],
    [`Bearer ${secret.slice(1)}`, 'unauthorized'],
    ['Bearer ü', 'unauthorized'],
  ])('is not for who sends %j', (authorization, code) => {
    expect(() => reconciliation().assertAllowed(authorization)).toThrow(expect.objectContaining({ code }));
  });

  it('is for who knows the secret, and for nobody where there is none', () => {
    expect(() => reconciliation().assertAllowed(`Bearer ${secret}`)).not.toThrow();
    const { db, clock, transitions } = stand;
    const unset = new ReconcileService({ db, clock, transitions, cronSecret: undefined });
    expect(() => unset.assertAllowed('Bearer undefined')).toThrow(
      expect.objectContaining({ code: 'cron_not_configured' }),
    );
  });
});
