import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../db/database.ts';
import { transaction } from '../../db/database.ts';
import { seedShare } from '../devices/testing/seed.ts';
import { endSharesOfUser } from './share-endings.ts';
import { expireSharesJob } from './sharing-expiry.ts';
import { outcomes, type Person, SharingStand, tokenIn } from './testing/stand.ts';

const day = 86_400_000;

describe('sharing a device', () => {
  let database: TestDatabase;
  let db: Database;
  let stand: SharingStand;
  let owner: Person;
  let guest: Person;
  let deviceId: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await db('outbox').delete();
    await db('device_shares').delete();
    stand = new SharingStand(db);
    [owner, guest] = [await stand.person(), await stand.person()];
    deviceId = await stand.board(owner);
  });

  const invite = (email?: string, days = 30) => stand.shares.invite(owner, deviceId, { email, days });
  const linkToken = async () => tokenIn((await invite()).url);
  const see = (person: Person) =>
    stand.access.assertDeviceServiceAccess(person.userId, deviceId, undefined, { minimum: 'viewer' });
  const auditOf = (action: string) => db('audit_log').where({ action, subject_id: deviceId }).orderBy('seq');

  it('does not invite the owner, who sees the device anyway, and takes no place for it', async () => {
    await expect(invite(owner.email.toUpperCase())).rejects.toMatchObject({ code: 'already_owner' });
    expect(await stand.shares.list(owner.userId, deviceId)).toEqual([]);
    expect(await auditOf('share.invite')).toMatchObject([
      { outcome: 'refused', actor_id: owner.userId, details: { code: 'already_owner' } },
    ]);
  });

  it('begins with a mail to the one who is invited', async () => {
    const share = await invite(` ${guest.email.toUpperCase()} `);
    expect(share).toMatchObject({ status: 'invited', email: guest.email, viewer: null, url: null });
    const token = await stand.mailedToken();
    const mail = stand.mails[0];
    expect(mail).toMatchObject({ to: guest.email });
    expect(mail?.text).toContain(owner.email);
    expect(mail?.text).not.toContain('Nursery');

    const device = await stand.shares.accept(guest, token);
    expect(device).toMatchObject({ device_id: deviceId, role: 'viewer', access_ends_at: share.expires_at });
    expect(await stand.shares.list(owner.userId, deviceId)).toEqual([
      expect.objectContaining({
        status: 'active',
        email: guest.email,
        viewer: expect.stringMatching(/^.…@/),
      }),
    ]);
    const { devices } = await stand.devices.list(guest.userId, { limit: 10 });
    expect(devices).toEqual([device]);
    expect(await auditOf('share.accept')).toMatchObject([{ outcome: 'ok', actor_id: guest.userId }]);
  });

  it('shows a viewer the device and nothing of the owner’s', async () => {
    await db('sims').insert({ iccid: '8944500102198304826' });
    await db('devices').where({ device_id: deviceId }).update({ iccid: '8944500102198304826' });
    await db('entitlements').insert({
      device_id: deviceId,
      user_id: owner.userId,
      capability: 'cloud_playback',
      source: 'grant',
      starts_at: stand.clock.now(),
    });
    await stand.shares.accept(guest, await linkToken());
    expect(await stand.devices.get(guest.userId, deviceId)).toMatchObject({
      role: 'viewer',
      capabilities: ['cloud_playback'],
      iccid: null,
      entitlements: [],
      shadow: null,
    });
    expect(await stand.devices.get(owner.userId, deviceId)).toMatchObject({
      role: 'owner',
      access_ends_at: null,
      iccid: '8944***********4826',
      entitlements: [{ source: 'grant' }],
    });
  });

  it('keeps no token and, once it is over, no address', async () => {
    const share = await invite(guest.email);
    const token = await stand.mailedToken();
    await stand.shares.end(owner, deviceId, share.share_id);
    const everything = JSON.stringify([await db('device_shares'), await db('outbox'), await db('audit_log')]);
    expect(everything).not.toContain(token);
    expect(everything).not.toContain(guest.email);
  });

  it('lets one of twenty in who open a link at once', async () => {
    const token = await linkToken();
    const people = await Promise.all(Array.from({ length: 20 }, () => stand.person()));
    const results = await Promise.allSettled(people.map((person) => stand.shares.accept(person, token)));
    expect(outcomes(results)).toEqual({ succeeded: 1, codes: ['invitation_not_found'] });
    expect(await db('device_shares').where({ device_id: deviceId }).whereNotNull('viewer_id')).toHaveLength(
      1,
    );
  });

  it('answers the same to who accepts again, and changes nothing', async () => {
    const token = await linkToken();
    const results = await Promise.all(Array.from({ length: 5 }, () => stand.shares.accept(guest, token)));
    expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1);
    expect(await auditOf('share.accept')).toHaveLength(1);
  });

  it.each<[string, () => Promise<Person>, string]>([
    ['another address', () => stand.person(), 'invitation_for_another_address'],
    ['the owner', async () => owner, 'already_owner'],
  ])('refuses a mailed invitation to %s, which stays open', async (_, who, code) => {
    await invite(guest.email);
    const token = await stand.mailedToken();
    await expect(stand.shares.accept(await who(), token)).rejects.toMatchObject({ code });
    expect(await auditOf('share.accept')).toMatchObject([{ outcome: 'refused', details: { code } }]);
    await stand.shares.accept(guest, token);
  });

  it('refuses who has not shown that the address is theirs', async () => {
    const claimant = await stand.person({ verified: false });
    await invite(claimant.email);
    await expect(stand.shares.accept(claimant, await stand.mailedToken())).rejects.toMatchObject({
      code: 'invitation_for_another_address',
    });
  });

  it('ends an invitation after a week, and the viewing when it was said to', async () => {
    const late = await linkToken();
    const used = await linkToken();
    await stand.shares.accept(guest, used);
    stand.clock.advance(7 * day);
    const other = await stand.person();
    const refusal = { code: 'invitation_not_found' };
    await expect(stand.shares.accept(other, late)).rejects.toMatchObject(refusal);
    expect(await see(guest)).toMatchObject({ role: 'viewer' });
    stand.clock.advance(23 * day);
    await expect(see(guest)).rejects.toMatchObject({ code: 'device_not_found' });
    await expect(stand.shares.accept(guest, used)).rejects.toMatchObject(refusal);
    expect(await stand.shares.list(owner.userId, deviceId)).toEqual([]);
    const result = await expireSharesJob({ db, clock: stand.clock }).run(new AbortController().signal);
    expect(result).toEqual({ shares: 2, offers: 0 });
    expect(await db('device_shares').where({ device_id: deviceId, end_reason: 'expired' })).toHaveLength(2);
  });

  it('mails nothing that was taken back meanwhile', async () => {
    const share = await invite(guest.email);
    await stand.shares.end(owner, deviceId, share.share_id);
    await stand.runOutbox();
    expect(stand.mails).toEqual([]);
  });

  it('ends at once when the owner wants it, and is replayed by no old link', async () => {
    const token = await linkToken();
    await stand.shares.accept(guest, token);
    const [share] = await stand.shares.list(owner.userId, deviceId);
    await stand.shares.end(owner, deviceId, share?.share_id ?? '');
    await expect(see(guest)).rejects.toMatchObject({ code: 'device_not_found' });
    await expect(stand.shares.accept(guest, token)).rejects.toMatchObject({ code: 'invitation_not_found' });
    const again = stand.shares.end(owner, deviceId, share?.share_id ?? '');
    await expect(again).rejects.toMatchObject({ code: 'share_not_found' });
  });

  describe('cuts off who looks through the board live', () => {
    const told = async () => {
      await stand.runOutbox();
      return (await stand.shadows.find(deviceId, 'ownership'))?.desired;
    };
    const justAfter = () => stand.clock.now().getTime() + 5_000;
    const state = { epoch: 1, owned: true };
    beforeEach(async () => {
      await stand.shares.accept(guest, await linkToken());
      expect(await told()).toBeUndefined();
      stand.clock.advance(day);
    });

    it.each<[string, () => Promise<unknown>]>([
      [
        'when the owner ends the share',
        async () => {
          const [share] = await stand.shares.list(owner.userId, deviceId);
          await stand.shares.end(owner, deviceId, share?.share_id ?? '');
        },
      ],
      ['when the viewer leaves', () => stand.shares.leave(guest, deviceId)],
      [
        'when the viewer closes the account',
        () =>
          transaction(db, (trx) =>
            endSharesOfUser(trx, { ...guest, now: stand.clock.now(), requestId: 'closing' }),
          ),
      ],
      [
        'when its time is noted to be over',
        async () => {
          stand.clock.advance(30 * day);
          await expireSharesJob({ db, clock: stand.clock }).run(new AbortController().signal);
        },
      ],
    ])('%s', async (_, end) => {
      await end();
      expect(await told()).toEqual({ ...state, viewers_since: justAfter() });
    });

    it('but not whose share is replaced by another, nor for one that nobody had accepted', async () => {
      await stand.shares.accept(guest, await linkToken());
      const { share_id } = await invite();
      await stand.shares.end(owner, deviceId, share_id);
      expect(await told()).toEqual(state);
    });
  });

  it('replaces an open invitation of the same address', async () => {
    await invite(guest.email);
    const first = await stand.mailedToken();
    await invite(guest.email);
    const second = await stand.mailedToken();
    expect(second).not.toBe(first);
    await expect(stand.shares.accept(guest, first)).rejects.toMatchObject({ code: 'invitation_not_found' });
    await stand.shares.accept(guest, second);
    expect(await stand.shares.list(owner.userId, deviceId)).toHaveLength(1);
  });

  it('prolongs the viewing by another invitation', async () => {
    await stand.shares.accept(guest, await linkToken());
    stand.clock.advance(10 * day);
    const longer = await invite(guest.email, 90);
    await stand.shares.accept(guest, await stand.mailedToken());
    expect(await see(guest)).toMatchObject({ viewableUntil: new Date(longer.expires_at) });
    expect(await stand.shares.list(owner.userId, deviceId)).toHaveLength(1);
  });

  it('ends when the viewer leaves', async () => {
    await stand.shares.accept(guest, await linkToken());
    await stand.shares.leave(guest, deviceId);
    await expect(see(guest)).rejects.toMatchObject({ code: 'device_not_found' });
    await expect(stand.shares.leave(guest, deviceId)).rejects.toMatchObject({ code: 'device_not_found' });
    await expect(stand.shares.leave(owner, deviceId)).rejects.toMatchObject({ code: 'share_not_found' });
  });

  it('ends with the account of the viewer, and forgets invitations to the address', async () => {
    await stand.shares.accept(guest, await linkToken());
    const another = await stand.board(owner);
    await stand.shares.invite(owner, another, { email: guest.email, days: 30 });
    const { userId, requestId } = guest;
    const ended = await transaction(db, (trx) =>
      endSharesOfUser(trx, { userId, requestId, now: stand.clock.now() }),
    );
    expect(ended).toBe(2);
    await expect(see(guest)).rejects.toMatchObject({ code: 'device_not_found' });
    expect(await db('device_shares').where({ invited_email: guest.email })).toEqual([]);
  });

  it('is open to ten at a time, whoever asks first', async () => {
    const results = await Promise.allSettled(Array.from({ length: 14 }, () => invite()));
    expect(outcomes(results)).toEqual({ succeeded: 10, codes: ['too_many_shares'] });
    const [share] = await stand.shares.list(owner.userId, deviceId);
    await stand.shares.end(owner, deviceId, share?.share_id ?? '');
    await invite();
    stand.clock.advance(7 * day);
    await invite();
    expect(await stand.shares.list(owner.userId, deviceId)).toHaveLength(1);
  });

  it('is the owner’s alone', async () => {
    await stand.shares.accept(guest, await linkToken());
    const [share] = await stand.shares.list(owner.userId, deviceId);
    const ways: ((person: Person) => Promise<unknown>)[] = [
      (person) => stand.shares.invite(person, deviceId, { email: undefined, days: 1 }),
      (person) => stand.shares.list(person.userId, deviceId),
      (person) => stand.shares.end(person, deviceId, share?.share_id ?? ''),
    ];
    const stranger = await stand.person();
    for (const way of ways) {
      await expect(way(guest)).rejects.toMatchObject({ code: 'forbidden' });
      await expect(way(stranger)).rejects.toMatchObject({ code: 'device_not_found' });
    }
  });

  describe('in the database', () => {
    const share = async (change: object) => {
      const until = new Date('2026-05-01T00:00:00Z');
      const id = await seedShare(db, { viewerId: guest.userId, deviceId, until });
      await db('device_shares').where({ id }).update(change);
    };

    it('never makes the owner a viewer', async () => {
      await expect(share({ viewer_id: owner.userId })).rejects.toMatchObject({
        constraint: 'device_shares_viewer_is_not_owner',
      });
    });

    it('has ten places a device and one for each viewer', async () => {
      await expect(share({ slot: 11 })).rejects.toMatchObject({ constraint: 'device_shares_ten_slots' });
      await db('device_shares').delete();
      await share({ slot: 1 });
      await expect(share({ slot: 2 })).rejects.toMatchObject({ constraint: 'device_shares_one_per_viewer' });
    });

    it('belongs to the present ownership, which does not end before it', async () => {
      await expect(share({ epoch: 7 })).rejects.toMatchObject({
        constraint: 'device_shares_of_present_ownership',
      });
      const end = { ended_at: stand.clock.now(), end_reason: 'released' };
      await expect(
        db('device_ownerships').where({ device_id: deviceId, ended_at: null }).update(end),
      ).rejects.toMatchObject({ constraint: 'device_ownerships_end_without_guests' });
    });
  });
});
