import { expect, it } from '@jest/globals';
import { trialWindow } from '../entitlement.ts';
import type { EntitlementRepository } from '../entitlement-repository.ts';

export interface EntitlementRepositoryStand {
  repository: EntitlementRepository;
  newUser: () => Promise<string>;
  newDevice: () => Promise<string>;
  newPurchase: (userId: string, deviceId: string) => Promise<string>;
}

/** What every repository of entitlements must do; run on the real one and on the fake. */
export function entitlementRepositoryContract(makeStand: () => Promise<EntitlementRepositoryStand>): void {
  const capability = 'cloud_playback';
  const window = trialWindow(new Date('2026-03-01T00:00:00Z'));

  it('gives a device one trial, ever', async () => {
    const { repository, newUser, newDevice } = await makeStand();
    const [first, second, deviceId] = [await newUser(), await newUser(), await newDevice()];
    expect(await repository.insertTrial({ userId: first, deviceId, capability, ...window })).toBe(true);
    expect(await repository.insertTrial({ userId: first, deviceId, capability, ...window })).toBe(false);
    expect(await repository.insertTrial({ userId: second, deviceId, capability, ...window })).toBe(false);
    expect(await repository.list(second, deviceId)).toEqual([]);
    expect(await repository.list(first, deviceId)).toEqual([
      expect.objectContaining({
        userId: first,
        deviceId,
        capability,
        source: 'trial',
        status: 'active',
        ...window,
      }),
    ]);
  });

  it('keeps devices apart', async () => {
    const { repository, newUser, newDevice } = await makeStand();
    const [userId, one, another] = [await newUser(), await newDevice(), await newDevice()];
    expect(await repository.insertTrial({ userId, deviceId: one, capability, ...window })).toBe(true);
    expect(await repository.insertTrial({ userId, deviceId: another, capability, ...window })).toBe(true);
    expect(await repository.list(userId, one)).toHaveLength(1);
  });

  it('gives what was bought once, suspends, restores and revokes it', async () => {
    const { repository, newUser, newDevice, newPurchase } = await makeStand();
    const [userId, deviceId] = [await newUser(), await newDevice()];
    const purchaseId = await newPurchase(userId, deviceId);
    const purchased = { userId, deviceId, purchaseId, capability, ...window } as const;
    expect(await repository.insertPurchased(purchased)).toBe(true);
    expect(await repository.insertPurchased(purchased)).toBe(false);
    expect(await repository.list(userId, deviceId)).toMatchObject([{ source: 'purchase', status: 'active' }]);

    const change = async (to: 'active' | 'suspended' | 'revoked', from: ('active' | 'suspended')[]) => {
      const name = ({ active: 'restored', suspended: 'suspended', revoked: 'revoked' } as const)[to];
      await repository.changeStatusOfPurchase(purchaseId, { from, to, change: name, reason: 'test' });
      return (await repository.list(userId, deviceId)).map(({ status }) => status);
    };
    expect(await change('suspended', ['active'])).toEqual(['suspended']);
    expect(await change('active', ['suspended'])).toEqual(['active']);
    expect(await change('revoked', ['active', 'suspended'])).toEqual(['revoked']);
    expect(await change('active', ['suspended'])).toEqual(['revoked']);
  });

  it('hands all of a device over, and nothing of others', async () => {
    const { repository, newUser, newDevice, newPurchase } = await makeStand();
    const [from, to, deviceId] = [await newUser(), await newUser(), await newDevice()];
    const another = await newDevice();
    const purchaseId = await newPurchase(from, deviceId);
    await repository.insertTrial({ userId: from, deviceId, capability, ...window });
    await repository.insertTrial({ userId: from, deviceId: another, capability, ...window });
    await repository.insertPurchased({ userId: from, deviceId, purchaseId, capability, ...window });
    const suspend = { from: ['active'], to: 'suspended', change: 'suspended', reason: 'test' } as const;
    await repository.changeStatusOfPurchase(purchaseId, suspend);
    expect(await repository.handOver({ deviceId, fromUserId: from, toUserId: to })).toBe(2);
    expect(await repository.list(from, deviceId)).toEqual([]);
    expect(await repository.list(from, another)).toHaveLength(1);
    const handed = await repository.list(to, deviceId);
    expect(handed.map(({ source, status }) => `${source} ${status}`).sort()).toEqual([
      'purchase suspended',
      'trial active',
    ]);
    expect(await repository.handOver({ deviceId, fromUserId: from, toUserId: to })).toBe(0);
  });

  it('notes the end of what is over, once', async () => {
    const { repository, newUser, newDevice } = await makeStand();
    const userId = await newUser();
    // Earlier than whatever else is stored, so that it comes first.
    const early = trialWindow(new Date('2020-03-01T00:00:00Z'));
    const devices = [await newDevice(), await newDevice(), await newDevice()];
    for (const deviceId of devices) await repository.insertTrial({ userId, deviceId, capability, ...early });
    const justBefore = new Date(early.endsAt.getTime() - 1);
    expect(await repository.expire(justBefore, 10)).toEqual([]);
    const first = await repository.expire(early.endsAt, 2);
    const second = await repository.expire(early.endsAt, 2);
    expect([first.length, second.length]).toEqual([2, 1]);
    expect([...first, ...second].map(({ deviceId }) => deviceId).sort()).toEqual([...devices].sort());
    expect(await repository.expire(early.endsAt, 2)).toEqual([]);
    for (const deviceId of devices)
      expect(await repository.list(userId, deviceId)).toMatchObject([{ status: 'expired' }]);
  });
}
