import type { OwnedDevice } from './device.ts';
import type { DeviceRepository } from './device-repository.ts';

/** Passes the same contract suite as the real one (`device-repository-contract.ts`). */
export class FakeDeviceRepository implements DeviceRepository {
  readonly #devices: { userId: string; device: OwnedDevice }[] = [];

  add(userId: string, device: OwnedDevice): void {
    this.#devices.push({ userId, device });
  }

  async findOwned(userId: string, deviceId: string): Promise<OwnedDevice | undefined> {
    return this.#ownedBy(userId).find((device) => device.deviceId === deviceId);
  }

  async listOwned(
    userId: string,
    { afterDeviceId, limit }: { afterDeviceId: string; limit: number },
  ): Promise<OwnedDevice[]> {
    return this.#ownedBy(userId)
      .filter(({ deviceId }) => deviceId > afterDeviceId)
      .sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1))
      .slice(0, limit);
  }

  async rename(userId: string, deviceId: string, name: string): Promise<boolean> {
    const device = await this.findOwned(userId, deviceId);
    if (device) device.name = name;
    return device !== undefined;
  }

  #ownedBy(userId: string): OwnedDevice[] {
    return this.#devices.filter((entry) => entry.userId === userId).map(({ device }) => device);
  }
}
