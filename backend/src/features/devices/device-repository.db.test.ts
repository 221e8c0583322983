import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KnexDeviceRepository } from './device-repository.ts';
import { deviceRepositoryContract } from './testing/device-repository-contract.ts';
import { seedBoard, seedOwnership, seedShare, seedUser } from './testing/seed.ts';

describe('the device repository', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  deviceRepositoryContract(async () => {
    const db = database.knex;
    const repository = new KnexDeviceRepository(db);
    return {
      repository,
      newUser: () => seedUser(db),
      own: async (userId, serial) => {
        const deviceId = await seedBoard(db, { serial });
        await seedOwnership(db, { userId, deviceId });
        const device = await repository.find({ userId, now: new Date() }, deviceId);
        if (device === undefined) throw new Error('the device is not owned');
        return device;
      },
      share: (share) => seedShare(db, share),
    };
  });

  it('shows name, presence and time of the present owner', async () => {
    const db = database.knex;
    const repository = new KnexDeviceRepository(db);
    const [former, owner] = [await seedUser(db), await seedUser(db)];
    const deviceId = await seedBoard(db, { iccid: '8944500102198304826' });
    const endedAt = new Date('2026-02-01T00:00:00Z');
    await seedOwnership(db, {
      userId: former,
      deviceId,
      endedAt,
      startedAt: new Date('2026-01-01T00:00:00Z'),
    });
    await seedOwnership(db, { userId: owner, deviceId, epoch: 3, name: 'Door' });
    const lastSeenAt = new Date('2026-03-02T00:00:00Z');
    await db('devices').where({ device_id: deviceId }).update({ last_seen_at: lastSeenAt });
    await db('device_presence').insert({
      device_id: deviceId,
      online: true,
      version: 1,
      changed_at: lastSeenAt,
    });
    expect(await repository.find({ userId: former, now: lastSeenAt }, deviceId)).toBeUndefined();
    expect(await repository.find({ userId: owner, now: lastSeenAt }, deviceId)).toMatchObject({
      name: 'Door',
      epoch: 3,
      iccid: '8944500102198304826',
      online: true,
      lastSeenAt,
      ownedSince: new Date('2026-03-01T00:00:00Z'),
    });
  });
});
