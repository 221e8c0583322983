import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { seedPurchase } from '../data-plans/testing/seed.ts';
import { seedBoard, seedUser } from '../devices/testing/seed.ts';
import { trialWindow } from './entitlement.ts';
import { KnexEntitlementRepository } from './entitlement-repository.ts';
import { entitlementRepositoryContract } from './testing/entitlement-repository-contract.ts';

describe('the entitlement repository', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  entitlementRepositoryContract(async () => ({
    repository: new KnexEntitlementRepository(database.knex),
    newUser: () => seedUser(database.knex),
    newDevice: () => seedBoard(database.knex),
    newPurchase: (userId, deviceId) => seedPurchase(database.knex, { userId, deviceId }),
  }));

  it('writes the ledger', async () => {
    const db = database.knex;
    const [userId, deviceId] = [await seedUser(db), await seedBoard(db)];
    const window = trialWindow(new Date('2026-03-01T00:00:00Z'));
    const repository = new KnexEntitlementRepository(db);
    await repository.insertTrial({ userId, deviceId, capability: 'cloud_playback', ...window });
    const [entitlement] = await repository.list(userId, deviceId);
    expect(await db('entitlement_grants').where({ entitlement_id: entitlement?.id })).toEqual([
      expect.objectContaining({ change: 'granted', ends_at: window.endsAt }),
    ]);
  });
});
