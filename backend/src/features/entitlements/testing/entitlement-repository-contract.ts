import { expect, it } from '@jest/globals';
import { trialWindow } from '../entitlement.ts';
import type { EntitlementRepository } from '../entitlement-repository.ts';

export interface EntitlementRepositoryStand {
  repository: EntitlementRepository;
  newUser: () => Promise<string>;
  newDevice: () => Promise<string>;
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
}
