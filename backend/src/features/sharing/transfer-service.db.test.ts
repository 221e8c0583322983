import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../db/database.ts';
import { seedPurchase } from '../data-plans/testing/seed.ts';
import { trialWindow } from '../entitlements/entitlement.ts';
import { KnexEntitlementRepository } from '../entitlements/entitlement-repository.ts';
import { EntitlementService } from '../entitlements/entitlement-service.ts';
import { expireSharesJob } from './sharing-expiry.ts';
import { outcomes, type Person, SharingStand, tokenIn } from './testing/stand.ts';

const day = 86_400_000;
const capability = 'cloud_playback';

describe('handing a device over', () => {
  let database: TestDatabase;
  let db: Database;
  let stand: SharingStand;
  let owner: Person;
  let next: Person;
  let deviceId: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await db('outbox').delete();
    stand = new SharingStand(db);
    [owner, next] = [await stand.person(), await stand.person()];
    deviceId = await stand.board(owner);
  });

  const offer = (email = next.email) => stand.transfers.offer(owner, deviceId, email);
  const offeredToken = async () => {
    await offer();
    return stand.mailedToken();
  };
  const ownerships = () => db('device_ownerships').where({ device_id: deviceId }).orderBy('epoch');
  const auditOf = (action: string) => db('audit_log').where({ action, subject_id: deviceId }).orderBy('seq');
  const entitlements = () => new KnexEntitlementRepository(db);

  it('takes both, and changes nothing before', async () => {
    const transfer = await offer();
    expect(transfer).toMatchObject({ direction: 'outgoing', recipient_email: next.email });
    const token = await stand.mailedToken();
    expect(stand.mails[0]).toMatchObject({ to: next.email, text: expect.stringContaining(owner.email) });
    expect(await ownerships()).toMatchObject([{ user_id: owner.userId, ended_at: null }]);

    stand.clock.advance(day);
    const { device, ownership } = await stand.transfers.accept(next, token);
    const since = stand.clock.now();
    expect(device).toMatchObject({ device_id: deviceId, role: 'owner', name: device.serial });
    expect(ownership).toEqual({ since: since.toISOString(), epoch: 3 });
    expect(await ownerships()).toMatchObject([
      { user_id: owner.userId, name: null, ended_at: since, end_reason: 'transferred' },
      { user_id: next.userId, epoch: 3, ended_at: null },
    ]);
    await expect(stand.devices.get(owner.userId, deviceId)).rejects.toMatchObject({
      code: 'device_not_found',
    });
    expect(await auditOf('transfer.accept')).toMatchObject([
      { outcome: 'ok', actor_id: next.userId, details: { from_user: owner.userId, epoch: 3 } },
    ]);
  });

  it('shows the new owner nothing of the old one’s settings', async () => {
    const token = await offeredToken();
    stand.shadows.put(deviceId, undefined, { reported: { network: { operator: 'of the old owner' } } });
    stand.shadows.put(deviceId, 'config', { desired: { camera: { rotation: 180 } }, version: 4 });
    await stand.transfers.accept(next, token);
    // The wipe lies in the outbox yet.
    const early = stand.devices.getShadow(next.userId, deviceId, 'config');
    await expect(early).rejects.toMatchObject({ code: 'service_unavailable' });
    const change = { desired: { log_level: 'debug' as const }, expectedVersion: 4 };
    await expect(stand.devices.updateShadow(next, deviceId, change)).rejects.toMatchObject({
      code: 'service_unavailable',
    });
    expect(await stand.devices.get(next.userId, deviceId)).toMatchObject({ shadow: null });

    const [released] = await db('outbox').where({ topic: 'device.released', key: deviceId });
    await stand.runOutbox();
    const shadow = await stand.devices.getShadow(next.userId, deviceId, 'config');
    expect(shadow.desired).toMatchObject({ camera: { rotation: 0 }, stream: { enabled: true } });
    const version = shadow.version;
    await stand.devices.updateShadow(next, deviceId, { ...change, expectedVersion: version });
    // Delivered once more, it must not wipe what the new owner has set.
    await db('outbox').insert({ topic: released.topic, key: released.key, payload: released.payload });
    await stand.runOutbox();
    expect(await stand.devices.getShadow(next.userId, deviceId, 'config')).toMatchObject({
      desired: { log_level: 'debug' },
    });
  });

  it('wipes also for a message of a program before this one, which names no epoch', async () => {
    await stand.devices.release(owner, deviceId);
    const payload = JSON.stringify({ device_id: deviceId });
    await db('outbox').where({ topic: 'device.released', key: deviceId }).update({ payload });
    await stand.runOutbox();
    expect(await db('devices').where({ device_id: deviceId }).pluck('shadows_wiped_epoch')).toEqual([2]);
    expect(await stand.shadows.find(deviceId, 'config')).toMatchObject({ desired: { log_level: 'info' } });
  });

  it('ends all shares, also of the one who takes it over', async () => {
    const viewer = await stand.person();
    for (const person of [viewer, next]) {
      const { url } = await stand.shares.invite(owner, deviceId, { email: undefined, days: 30 });
      await stand.shares.accept(person, tokenIn(url));
    }
    const { url } = await stand.shares.invite(owner, deviceId, { email: undefined, days: 30 });
    await stand.transfers.accept(next, await offeredToken());
    await expect(stand.shares.accept(await stand.person(), tokenIn(url))).rejects.toMatchObject({
      code: 'invitation_not_found',
    });
    await expect(stand.devices.get(viewer.userId, deviceId)).rejects.toMatchObject({
      code: 'device_not_found',
    });
    expect(await stand.shares.list(next.userId, deviceId)).toEqual([]);
    expect((await stand.devices.list(next.userId, { limit: 10 })).devices).toMatchObject([{ role: 'owner' }]);
    expect(await auditOf('transfer.accept')).toMatchObject([{ details: { shares: 3 } }]);
  });

  describe('takes along what runs on it', () => {
    const rightsOf = async (person: Person) =>
      (await entitlements().list(person.userId, deviceId)).map(({ source, status }) => [source, status]);
    const ledger = async (userId: string) =>
      db('entitlement_grants as g')
        .join('entitlements as e', 'e.id', 'g.entitlement_id')
        .where({ 'e.user_id': userId, 'e.device_id': deviceId })
        .orderBy('g.id')
        .pluck('change');

    it('the rest of the trial, and no second one', async () => {
      const window = trialWindow(stand.clock.now());
      const trial = { userId: owner.userId, deviceId, capability, ...window } as const;
      await entitlements().insertTrial(trial);
      await stand.transfers.accept(next, await offeredToken());
      expect(await entitlements().list(next.userId, deviceId)).toMatchObject([
        { source: 'trial', ...window },
      ]);
      expect(await rightsOf(owner)).toEqual([]);
      expect(await ledger(next.userId)).toEqual(['granted', 'transferred']);
      expect(await entitlements().insertTrial({ ...trial, userId: next.userId })).toBe(false);
    });

    it('a plan that is active, with what its payment does to it later', async () => {
      const { userId } = owner;
      const purchaseId = await seedPurchase(db, { userId, deviceId, now: stand.clock.now() });
      const window = trialWindow(stand.clock.now());
      await entitlements().insertPurchased({ userId, deviceId, purchaseId, capability, ...window });
      await stand.transfers.accept(next, await offeredToken());
      const service = new EntitlementService({ repository: entitlements(), clock: stand.clock });
      expect(await service.allows(next.userId, deviceId, capability)).toBe(true);
      expect(await service.allows(userId, deviceId, capability)).toBe(false);
      await service.suspendPurchase(purchaseId, 'the payment is disputed');
      expect(await rightsOf(next)).toEqual([['purchase', 'suspended']]);
      const rights = { purchaseId, userId, deviceId, capabilities: [capability], ...window } as const;
      await service.grantPurchase(rights);
      expect(await rightsOf(next)).toEqual([['purchase', 'active']]);
      await service.revokePurchase(purchaseId, 'the payment was refunded');
      expect(await rightsOf(next)).toEqual([['purchase', 'revoked']]);
      expect(await ledger(next.userId)).toEqual([
        'granted',
        'transferred',
        'suspended',
        'restored',
        'revoked',
      ]);
    });

    it('a plan that was paid before and becomes active after, also over two owners', async () => {
      const { userId } = owner;
      const purchaseId = await seedPurchase(db, { userId, deviceId, now: stand.clock.now() });
      stand.clock.advance(1_000);
      await stand.transfers.accept(next, await offeredToken());
      stand.clock.advance(1_000);
      const last = await stand.person();
      await stand.transfers.offer(next, deviceId, last.email);
      await stand.transfers.accept(last, await stand.mailedToken());
      const purchased = {
        userId,
        deviceId,
        purchaseId,
        capability,
        ...trialWindow(stand.clock.now()),
      } as const;
      expect(await entitlements().insertPurchased(purchased)).toBe(true);
      expect(await rightsOf(last)).toEqual([['purchase', 'active']]);
      expect([await rightsOf(owner), await rightsOf(next)]).toEqual([[], []]);
    });

    it('and nothing after a release', async () => {
      const trial = {
        userId: owner.userId,
        deviceId,
        capability,
        ...trialWindow(stand.clock.now()),
      } as const;
      await entitlements().insertTrial(trial);
      await stand.devices.release(owner, deviceId);
      expect(await rightsOf(owner)).toEqual([['trial', 'active']]);
      expect(await entitlements().insertTrial({ ...trial, userId: next.userId })).toBe(false);
    });
  });

  it('gives the device to one of twenty acceptances at once', async () => {
    const token = await offeredToken();
    const others = await Promise.all(Array.from({ length: 19 }, () => stand.person()));
    const results = await Promise.allSettled(
      [...others, next].map((person) => stand.transfers.accept(person, token)),
    );
    expect(outcomes(results).succeeded).toBe(1);
    expect(await ownerships()).toMatchObject([{ end_reason: 'transferred' }, { user_id: next.userId }]);
  });

  it('happens once when the next owner accepts twenty times at once', async () => {
    const token = await offeredToken();
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => stand.transfers.accept(next, token)),
    );
    expect(outcomes(results)).toEqual({ succeeded: 20, codes: [] });
    expect(await ownerships()).toHaveLength(2);
    expect(await auditOf('transfer.accept')).toHaveLength(1);
  });

  it('and releasing it at the same time: one of both, never both', async () => {
    for (let round = 0; round < 10; round++) {
      deviceId = await stand.board(owner);
      const token = await offeredToken();
      const [released, accepted] = await Promise.allSettled([
        stand.devices.release(owner, deviceId),
        stand.transfers.accept(next, token),
      ]);
      const [first, second] = await ownerships();
      if (accepted.status === 'fulfilled') {
        expect(released).toMatchObject({ status: 'rejected', reason: { code: 'device_not_found' } });
        expect([first.end_reason, second.user_id]).toEqual(['transferred', next.userId]);
      } else {
        expect(released.status).toBe('fulfilled');
        expect(accepted.reason).toMatchObject({ code: 'invitation_not_found' });
        expect([first.end_reason, second]).toEqual(['released', undefined]);
      }
      expect(await db('device_transfers').where({ device_id: deviceId, closed_at: null })).toEqual([]);
    }
  });

  it('is refused to another address, and stays open', async () => {
    const token = await offeredToken();
    const code = 'invitation_for_another_address';
    await expect(stand.transfers.accept(await stand.person(), token)).rejects.toMatchObject({ code });
    await expect(stand.transfers.accept(owner, token)).rejects.toMatchObject({ code: 'already_owner' });
    expect(await auditOf('transfer.accept')).toMatchObject([
      { outcome: 'refused', details: { code } },
      { outcome: 'refused', details: { code: 'already_owner' } },
    ]);
    await stand.transfers.accept(next, token);
  });

  it('is on offer once at a time, until it is withdrawn or lapses', async () => {
    const first = await offeredToken();
    await expect(offer()).rejects.toMatchObject({ code: 'transfer_already_offered' });
    await stand.transfers.cancel(owner, deviceId);
    const refusal = { code: 'invitation_not_found' };
    await expect(stand.transfers.accept(next, first)).rejects.toMatchObject(refusal);
    await expect(stand.transfers.cancel(owner, deviceId)).rejects.toMatchObject({
      code: 'transfer_not_found',
    });
    const second = await offeredToken();
    stand.clock.advance(7 * day);
    await expect(stand.transfers.accept(next, second)).rejects.toMatchObject(refusal);
    await stand.transfers.accept(next, await offeredToken());
    expect(await db('device_transfers').where({ device_id: deviceId }).pluck('recipient_email')).toEqual([
      null,
      null,
      null,
    ]);
  });

  it('is offered once when asked for ten times at once', async () => {
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => offer()));
    expect(outcomes(results)).toEqual({ succeeded: 1, codes: ['transfer_already_offered'] });
  });

  it('is no offer to oneself or to what is no address', async () => {
    await expect(offer(owner.email)).rejects.toMatchObject({ code: 'already_owner' });
    await expect(offer('nobody')).rejects.toMatchObject({ code: 'invalid_email' });
  });

  it('forgets the address of an offer that lapsed', async () => {
    await offer();
    stand.clock.advance(7 * day);
    await stand.runOutbox();
    expect(stand.mails).toEqual([]);
    await expireSharesJob({ db, clock: stand.clock }).run(new AbortController().signal);
    expect(await db('device_transfers').where({ device_id: deviceId })).toMatchObject([
      { close_reason: 'expired', recipient_email: null },
    ]);
  });

  it('is seen by both sides while it is open, and by nobody else', async () => {
    const transfer = await offer();
    const listed = async (person: Person) =>
      (await stand.transfers.list(person.userId, { limit: 10 })).transfers;
    expect(await listed(owner)).toEqual([transfer]);
    expect(await listed(next)).toEqual([{ ...transfer, direction: 'incoming' }]);
    expect(await listed(await stand.person())).toEqual([]);
    await stand.transfers.cancel(owner, deviceId);
    expect([await listed(owner), await listed(next)]).toEqual([[], []]);
  });

  it('is listed in pages', async () => {
    for (let i = 0; i < 3; i++) {
      deviceId = await stand.board(owner);
      await offer();
      stand.clock.advance(1_000);
    }
    const first = await stand.transfers.list(next.userId, { limit: 2 });
    const rest = await stand.transfers.list(next.userId, { limit: 2, cursor: first.next_cursor ?? '' });
    expect([first.transfers.length, rest.transfers.length, rest.next_cursor]).toEqual([2, 1, null]);
    expect(rest.transfers).not.toContainEqual(first.transfers[0]);
  });

  it('is the owner’s alone', async () => {
    const { url } = await stand.shares.invite(owner, deviceId, { email: undefined, days: 30 });
    const viewer = await stand.person();
    await stand.shares.accept(viewer, tokenIn(url));
    const ways: ((person: Person) => Promise<unknown>)[] = [
      (person) => stand.transfers.offer(person, deviceId, next.email),
      (person) => stand.transfers.cancel(person, deviceId),
      (person) => stand.devices.release(person, deviceId),
    ];
    for (const way of ways) {
      await expect(way(viewer)).rejects.toMatchObject({ code: 'forbidden' });
      await expect(way(next)).rejects.toMatchObject({ code: 'device_not_found' });
    }
  });
});
