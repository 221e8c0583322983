import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { seedPurchase } from '../data-plans/testing/seed.ts';
import { seedBoard, seedUser } from '../devices/testing/seed.ts';
import { trialWindow } from './entitlement.ts';
import { expireEntitlementsJob } from './entitlement-expiry.ts';
import { KnexEntitlementRepository } from './entitlement-repository.ts';
import { EntitlementService } from './entitlement-service.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it('entitlements whose time is over are noted once, by however many jobs', async () => {
  const db = database.knex;
  const clock = new FakeClock('2026-03-01T00:00:00Z');
  const repository = new KnexEntitlementRepository(db);
  const service = new EntitlementService({ repository, clock });
  const userId = await seedUser(db);
  const window = trialWindow(clock.now());
  // More than one batch.
  for (let i = 0; i < 105; i++)
    await repository.insertTrial({
      userId,
      deviceId: await seedBoard(db),
      capability: 'cloud_playback',
      ...window,
    });
  const deviceId = await seedBoard(db);
  const purchaseId = await seedPurchase(db, { userId, deviceId });
  const bought = { userId, deviceId, purchaseId, capabilities: ['cloud_playback'], ...window } as const;
  await service.grantPurchase(bought);
  await service.suspendPurchase(purchaseId, 'the payment is disputed');

  const job = expireEntitlementsJob({ db, clock });
  const signal = new AbortController().signal;
  const run = async () =>
    (await Promise.all([job.run(signal), job.run(signal)])).map((done) => done.expired ?? 0);
  expect(await run()).toEqual([0, 0]);
  clock.advance(30 * 86_400_000);
  const expired = await run();
  expect(expired.reduce((sum, count) => sum + count)).toBe(105);
  expect(await db('entitlement_grants').where({ change: 'expired' })).toHaveLength(105);
  expect(await db('audit_log').where({ action: 'entitlement.expire' })).toHaveLength(105);

  // What is disputed waits for the bank, and is over then all the same.
  expect(await repository.list(userId, deviceId)).toMatchObject([{ status: 'suspended' }]);
  await service.grantPurchase(bought);
  expect(await service.allows(userId, deviceId, 'cloud_playback')).toBe(false);
  expect(await run()).toContain(1);
  const ledger = await db('entitlement_grants as g')
    .join('entitlements as e', 'e.id', 'g.entitlement_id')
    .where({ 'e.purchase_id': purchaseId })
    .orderBy('g.id')
    .pluck('change');
  expect(ledger).toEqual(['granted', 'suspended', 'restored', 'expired']);
  expect(await job.run(AbortSignal.abort())).toEqual({ expired: 0 });
});
