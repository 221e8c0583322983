import { createHash, randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../db/database.ts';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { KnexEntitlementRepository } from '../entitlements/entitlement-repository.ts';
import { EntitlementService } from '../entitlements/entitlement-service.ts';
import { type ActivationRequest, ActivationService } from './activation-service.ts';
import { labelCode, otherCode, seedBoard, seedOwnership, seedUser, testPeppers } from './testing/seed.ts';

const iccid = '8944500102198304826';

describe('activation', () => {
  let database: TestDatabase;
  let db: Database;
  let clock: FakeClock;
  let service: ActivationService;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());
  beforeEach(() => {
    clock = new FakeClock('2026-03-01T00:00:00Z');
    service = new ActivationService({
      db,
      clock,
      peppers: testPeppers,
      entitlementsIn: (trx) =>
        new EntitlementService({ repository: new KnexEntitlementRepository(trx), clock }),
      claims: { begin: () => Promise.reject(new Error('these models do not confirm')) },
    });
  });

  let address = 0;
  const newAddress = (): string => `192.0.2.${++address}`;
  const attempt = (request: Partial<ActivationRequest> & { userId: string; deviceId: string }) =>
    service
      .activate({
        network: '203.0.113.1',
        requestId: randomUUID(),
        activationCode: labelCode,
        iccid: undefined,
        ...request,
      })
      .then(({ status, body }) => {
        if (status === 200) return body;
        throw new Error('the board was asked');
      });
  const auditOf = (deviceId: string) =>
    db('audit_log').where({ subject_id: deviceId, action: 'device.activate' }).orderBy('seq');
  const outboxOf = (deviceId: string) => db('outbox').where({ key: deviceId });

  it('makes the device the user’s, with a trial, its SIM, its stream to come and an audit row', async () => {
    const [userId, deviceId] = [await seedUser(db), await seedBoard(db, { iccid })];
    const activation = await attempt({ userId, deviceId, iccid: '8944 5001 0219 8304 826' });
    expect(activation).toEqual({
      device: expect.objectContaining({
        device_id: deviceId,
        online: false,
        activated_at: '2026-03-01T00:00:00.000Z',
      }),
      ownership: { since: '2026-03-01T00:00:00.000Z', epoch: 1 },
      entitlement: {
        capability: 'cloud_playback',
        source: 'trial',
        starts_at: '2026-03-01T00:00:00.000Z',
        ends_at: '2026-03-31T00:00:00.000Z',
        active: true,
      },
      already_owned: false,
    });
    expect(await db('sims').where({ iccid })).toEqual([
      expect.objectContaining({ device_id: deviceId, linked_at: clock.now() }),
    ]);
    expect(await outboxOf(deviceId)).toEqual([
      expect.objectContaining({ topic: 'device.activated', payload: { device_id: deviceId } }),
    ]);
    expect(await auditOf(deviceId)).toEqual([
      expect.objectContaining({ outcome: 'ok', actor_id: userId, details: { epoch: 1, trial: true } }),
    ]);
  });

  it('answers the owner again and changes nothing', async () => {
    const [userId, deviceId] = [await seedUser(db), await seedBoard(db)];
    const first = await attempt({ userId, deviceId });
    expect(await attempt({ userId, deviceId: deviceId.toUpperCase() })).toEqual({
      ...first,
      already_owned: true,
    });
    expect(await outboxOf(deviceId)).toHaveLength(1);
    expect(await auditOf(deviceId)).toHaveLength(1);
  });

  const owned = async (db_: Database): Promise<string> => {
    const deviceId = await seedBoard(db_);
    await seedOwnership(db_, { userId: await seedUser(db_), deviceId });
    return deviceId;
  };
  const refusals: [string, () => Promise<string>, Partial<ActivationRequest>, string][] = [
    ['no code', () => seedBoard(db), { activationCode: undefined }, 'activation_code_required'],
    ['a blank code', () => seedBoard(db), { activationCode: ' ' }, 'activation_code_required'],
    ['another code', () => seedBoard(db), { activationCode: otherCode }, 'invalid_activation_code'],
    ['an unknown device', async () => 'aovis-n4k-999999', {}, 'invalid_activation_code'],
    ['no device id at all', async () => "'; DROP TABLE devices; --\0", {}, 'invalid_activation_code'],
    ['a board not handed over yet', () => seedBoard(db, { status: 'planned' }), {}, 'device_not_provisioned'],
    ['a revoked board', () => seedBoard(db, { status: 'revoked' }), {}, 'device_not_provisioned'],
    ['a SIM of no board', () => seedBoard(db), { iccid: '8944500102198304834' }, 'iccid_mismatch'],
    ['somebody else’s device', () => owned(db), {}, 'device_owned_by_another_user'],
  ];
  it.each(refusals)('refuses %s', async (_, makeBoard, request, code) => {
    const [userId, deviceId] = [await seedUser(db), await makeBoard()];
    const before = await db('device_ownerships').count().first();
    await expect(attempt({ userId, deviceId, ...request })).rejects.toMatchObject({ code });
    expect(await db('device_ownerships').count().first()).toEqual(before);
    const [row] = await db('audit_log').where({ actor_id: userId });
    expect(row).toMatchObject({ outcome: 'refused', details: { code } });
    expect(JSON.stringify(row)).not.toContain(otherCode);
  });

  it('has one winner when 50 users claim one device at once', async () => {
    const deviceId = await seedBoard(db);
    const users = await Promise.all(Array.from({ length: 50 }, () => seedUser(db)));
    const results = await Promise.allSettled(
      users.map((userId) => attempt({ userId, deviceId, network: newAddress() })),
    );
    const codes = results.map((result) =>
      result.status === 'fulfilled' ? 'won' : (result.reason as { code?: string }).code,
    );
    expect(codes.filter((code) => code === 'won')).toHaveLength(1);
    expect(codes.filter((code) => code === 'device_owned_by_another_user')).toHaveLength(49);
    expect(await db('device_ownerships').where({ device_id: deviceId, ended_at: null })).toHaveLength(1);
    expect(await db('entitlements').where({ device_id: deviceId })).toHaveLength(1);
    expect(await outboxOf(deviceId)).toHaveLength(1);
  });

  it('gives the next owner no second trial, and the first one the rest of his', async () => {
    const [first, second, deviceId] = [await seedUser(db), await seedUser(db), await seedBoard(db)];
    const trial = (await attempt({ userId: first, deviceId })).entitlement;
    const release = () =>
      db('device_ownerships')
        .where({ device_id: deviceId, ended_at: null })
        .update({ ended_at: clock.now(), end_reason: 'released' });
    await release();
    expect((await attempt({ userId: second, deviceId })).entitlement).toBeNull();
    await release();
    clock.advance(86_400_000);
    expect((await attempt({ userId: first, deviceId })).entitlement).toEqual(trial);
  });

  it('upgrades an imported hash at its first good use', async () => {
    const userId = await seedUser(db);
    const imported = `sha256$${createHash('sha256').update('ABCDEF012345').digest('hex')}`;
    const deviceId = await seedBoard(db, { activationCodeHash: imported });
    const hashOf = async (): Promise<unknown> =>
      (await db('devices').where({ device_id: deviceId }).first<{ activation_code_hash: string }>())
        .activation_code_hash;
    await expect(attempt({ userId, deviceId })).rejects.toMatchObject({ code: 'invalid_activation_code' });
    expect(await hashOf()).toBe(imported);
    await attempt({ userId, deviceId, activationCode: 'abcdef-012345' });
    expect(await hashOf()).toMatch(/^hmac-sha256\$t1\$[0-9a-f]{64}$/);
    expect(await attempt({ userId, deviceId, activationCode: 'ABCDEF012345' })).toMatchObject({
      already_owned: true,
    });
  });

  describe('guessing', () => {
    const guess = (userId: string, deviceId: string, ip: string) =>
      attempt({ userId, deviceId, network: ip, activationCode: otherCode }).catch(
        (error: { code: string }) => error.code,
      );

    it('is slowed down for the guesser and not for the owner', async () => {
      const [stranger, owner, deviceId] = [await seedUser(db), await seedUser(db), await seedBoard(db)];
      const ip = newAddress();
      for (let i = 0; i < 6; i++) expect(await guess(stranger, deviceId, ip)).toBe('invalid_activation_code');
      await expect(attempt({ userId: stranger, deviceId, network: ip })).rejects.toMatchObject({
        code: 'rate_limited',
        retryAfterMs: 10_000,
      });
      expect(await attempt({ userId: owner, deviceId, network: newAddress() })).toMatchObject({
        already_owned: false,
      });
    });

    it('may go on after the wait', async () => {
      const [userId, deviceId, ip] = [await seedUser(db), await seedBoard(db), newAddress()];
      for (let i = 0; i < 6; i++) await guess(userId, deviceId, ip);
      clock.advance(10_000);
      expect(await attempt({ userId, deviceId, network: ip })).toMatchObject({ already_owned: false });
    });

    it('in parallel gains nothing', async () => {
      const [userId, deviceId, ip] = [await seedUser(db), await seedBoard(db), newAddress()];
      const codes = await Promise.all(Array.from({ length: 20 }, () => guess(userId, deviceId, ip)));
      expect(codes.filter((code) => code === 'invalid_activation_code')).toHaveLength(6);
      expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(14);
    });

    it('is slowed down over many devices, and over many accounts at one address', async () => {
      const [userId, ip] = [await seedUser(db), newAddress()];
      for (let i = 0; i < 21; i++)
        await guess(userId, `aovis-n4k-9${String(i).padStart(5, '0')}`, newAddress());
      expect(await guess(userId, 'aovis-n4k-990000', newAddress())).toBe('rate_limited');
      const deviceId = await seedBoard(db);
      for (let i = 0; i < 61; i++) await guess(await seedUser(db), deviceId, ip);
      expect(await guess(await seedUser(db), deviceId, ip)).toBe('rate_limited');
    });

    it('leaves no address behind once the limits look no further', async () => {
      const [userId, deviceId, ip] = [await seedUser(db), await seedBoard(db), newAddress()];
      await guess(userId, deviceId, ip);
      clock.advance(2 * 86_400_000);
      await guess(userId, deviceId, newAddress());
      expect(await db('activation_attempts').where({ ip })).toEqual([]);
    });
  });
});
