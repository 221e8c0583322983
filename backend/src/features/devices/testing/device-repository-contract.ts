import { expect, it } from '@jest/globals';
import type { OwnedDevice } from '../device.ts';
import type { DeviceRepository } from '../device-repository.ts';

export interface DeviceRepositoryStand {
  repository: DeviceRepository;
  newUser: () => Promise<string>;
  /** Makes the user own a board of this serial. */
  own: (userId: string, serial: string) => Promise<OwnedDevice>;
  share: (share: { viewerId: string; deviceId: string; until: Date }) => Promise<unknown>;
}

const now = new Date('2026-03-05T00:00:00Z');

/** What every repository of devices must do; run on the real one and on the fake. */
export function deviceRepositoryContract(makeStand: () => Promise<DeviceRepositoryStand>): void {
  it('finds a device for its owner and nobody else', async () => {
    const { repository, newUser, own } = await makeStand();
    const [owner, stranger] = [await newUser(), await newUser()];
    const device = await own(owner, 'N4K-100001');
    expect(device).toMatchObject({
      ownerId: owner,
      role: 'owner',
      viewableUntil: undefined,
      shadowsWiped: true,
    });
    expect(await repository.find({ userId: owner, now }, device.deviceId)).toEqual(device);
    expect(await repository.find({ userId: stranger, now }, device.deviceId)).toBeUndefined();
    expect(await repository.find({ userId: owner, now }, 'aovis-n4k-999999')).toBeUndefined();
  });

  it('pages by device id', async () => {
    const { repository, newUser, own } = await makeStand();
    const [owner, stranger] = [await newUser(), await newUser()];
    for (const serial of ['N4K-200003', 'N4K-200001', 'N4K-200002']) await own(owner, serial);
    await own(stranger, 'N4K-200004');
    const idsOf = async (afterDeviceId: string, limit: number) =>
      (await repository.list({ userId: owner, now }, { afterDeviceId, limit })).map(
        ({ deviceId }) => deviceId,
      );
    expect(await idsOf('', 2)).toEqual(['aovis-n4k-200001', 'aovis-n4k-200002']);
    expect(await idsOf('aovis-n4k-200002', 2)).toEqual(['aovis-n4k-200003']);
    expect(await idsOf('aovis-n4k-200003', 2)).toEqual([]);
  });

  it('shows a shared device to its viewer until the share ends', async () => {
    const { repository, newUser, own, share } = await makeStand();
    const [owner, viewer] = [await newUser(), await newUser()];
    const device = await own(owner, 'N4K-400001');
    await own(viewer, 'N4K-400002');
    await own(owner, 'N4K-400003');
    const until = new Date(now.getTime() + 1_000);
    await share({ viewerId: viewer, deviceId: device.deviceId, until });
    const shared = { ...device, role: 'viewer', viewableUntil: until };
    expect(await repository.find({ userId: viewer, now }, device.deviceId)).toEqual(shared);
    const list = (userId: string, at: Date) =>
      repository.list({ userId, now: at }, { afterDeviceId: '', limit: 10 });
    const rolesOf = async (userId: string, at: Date) =>
      (await list(userId, at)).map(({ deviceId, role }) => [deviceId, role]);
    expect(await list(viewer, now)).toContainEqual(shared);
    expect(await rolesOf(viewer, now)).toEqual([
      [device.deviceId, 'viewer'],
      ['aovis-n4k-400002', 'owner'],
    ]);
    expect(await rolesOf(viewer, until)).toEqual([['aovis-n4k-400002', 'owner']]);
    expect(await repository.find({ userId: viewer, now: until }, device.deviceId)).toBeUndefined();
    expect(await repository.rename(viewer, device.deviceId, 'Mine')).toBe(false);
  });

  it('renames for the owner only', async () => {
    const { repository, newUser, own } = await makeStand();
    const [owner, stranger] = [await newUser(), await newUser()];
    const { deviceId } = await own(owner, 'N4K-300001');
    expect(await repository.rename(stranger, deviceId, 'Mine now')).toBe(false);
    expect(await repository.rename(owner, deviceId, 'Garden')).toBe(true);
    expect((await repository.find({ userId: owner, now }, deviceId))?.name).toBe('Garden');
  });
}
