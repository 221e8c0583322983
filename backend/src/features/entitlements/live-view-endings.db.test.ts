import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { seedPurchase } from '../data-plans/testing/seed.ts';
import { SharingStand } from '../sharing/testing/stand.ts';
import { setEntitlementStatus } from './entitlement-grants.ts';
import { KnexEntitlementRepository } from './entitlement-repository.ts';
import { EntitlementService } from './entitlement-service.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe('who looks through a board live is cut off, the owner too,', () => {
  const now = new Date();
  const window = {
    startsAt: new Date(now.getTime() - 86_400_000),
    endsAt: new Date(now.getTime() + 86_400_000),
  };
  let stand: SharingStand;
  let service: EntitlementService;
  let bought: { userId: string; deviceId: string; purchaseId: string };
  beforeEach(async () => {
    const db = database.knex;
    stand = new SharingStand(db);
    const repository = new KnexEntitlementRepository(db);
    service = new EntitlementService({ repository, clock: new FakeClock(now.toISOString()) });
    const { userId } = await stand.person();
    const deviceId = await stand.board({ userId, email: '', requestId: 'seed' });
    bought = { userId, deviceId, purchaseId: await seedPurchase(db, { userId, deviceId }) };
    await service.grantPurchase({ ...bought, ...window, capabilities: ['cloud_playback', 'cellular_data'] });
    expect(await told()).toBeUndefined();
  });

  const told = async (): Promise<Record<string, unknown> | undefined> => {
    await stand.runOutbox();
    return (await stand.shadows.find(bought.deviceId, 'ownership'))?.desired;
  };
  /** When the ledger says that it was taken back. */
  const takenBackAt = async (): Promise<number> => {
    const [row] = await database
      .knex('entitlement_grants as g')
      .join('entitlements as e', 'e.id', 'g.entitlement_id')
      .where({ 'e.device_id': bought.deviceId, 'e.capability': 'cloud_playback' })
      .whereIn('g.change', ['suspended', 'revoked'])
      .orderBy('g.id', 'desc')
      .select<{ at: Date }[]>('g.at');
    return row?.at.getTime() ?? Number.NaN;
  };

  it.each<[string, () => Promise<unknown>]>([
    ['when the payment is disputed', () => service.suspendPurchase(bought.purchaseId, 'disputed')],
    ['when the payment was refunded', () => service.revokePurchase(bought.purchaseId, 'refunded')],
    [
      'when the staff takes the right back',
      async () => {
        for (const { id } of await service.list(bought.userId, bought.deviceId))
          await setEntitlementStatus(database.knex, id, { status: 'revoked', reason: 'abuse', now });
      },
    ],
  ])('%s', async (_, takeBack) => {
    await takeBack();
    expect(await told()).toEqual({ epoch: 1, owned: true, live_since: (await takenBackAt()) + 5_000 });
  });

  it('but not while another plan of the owner allows it, nor by a right to something else', async () => {
    const { userId, deviceId } = bought;
    await new KnexEntitlementRepository(database.knex).insertTrial({
      userId,
      deviceId,
      capability: 'cloud_playback',
      ...window,
    });
    await service.revokePurchase(bought.purchaseId, 'refunded');
    expect(await told()).toEqual({ epoch: 1, owned: true });
  });
});
