import { expect, it } from '@jest/globals';
import type { OwnedDevice } from '../device.ts';
import type { DeviceRepository } from '../device-repository.ts';

export interface DeviceRepositoryStand {
  repository: DeviceRepository;
  newUser: () => Promise<string>;
  /** Makes the user own a board of this serial. */
  own: (userId: string, serial: string) => Promise<OwnedDevice>;
}

/** What every repository of devices must do; run on the real one and on the fake. */
export function deviceRepositoryContract(makeStand: () => Promise<DeviceRepositoryStand>): void {
  it('finds a device for its owner and nobody else', async () => {
    const { repository, newUser, own } = await makeStand();
    const [owner, stranger] = [await newUser(), await newUser()];
    const device = await own(owner, 'N4K-100001');
    expect(await repository.findOwned(owner, device.deviceId)).toEqual(device);
    expect(await repository.findOwned(stranger, device.deviceId)).toBeUndefined();
    expect(await repository.findOwned(owner, 'aovis-n4k-999999')).toBeUndefined();
  });

  it('pages by device id', async () => {
    const { repository, newUser, own } = await makeStand();
    const [owner, stranger] = [await newUser(), await newUser()];
    for (const serial of ['N4K-200003', 'N4K-200001', 'N4K-200002']) await own(owner, serial);
    await own(stranger, 'N4K-200004');
    const idsOf = async (afterDeviceId: string, limit: number) =>
      (await repository.listOwned(owner, { afterDeviceId, limit })).map(({ deviceId }) => deviceId);
    expect(await idsOf('', 2)).toEqual(['aovis-n4k-200001', 'aovis-n4k-200002']);
    expect(await idsOf('aovis-n4k-200002', 2)).toEqual(['aovis-n4k-200003']);
    expect(await idsOf('aovis-n4k-200003', 2)).toEqual([]);
  });

  it('renames for the owner only', async () => {
    const { repository, newUser, own } = await makeStand();
    const [owner, stranger] = [await newUser(), await newUser()];
    const { deviceId } = await own(owner, 'N4K-300001');
    expect(await repository.rename(stranger, deviceId, 'Mine now')).toBe(false);
    expect(await repository.rename(owner, deviceId, 'Garden')).toBe(true);
    expect((await repository.findOwned(owner, deviceId))?.name).toBe('Garden');
  });
}
