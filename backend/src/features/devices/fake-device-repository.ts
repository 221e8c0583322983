import type { OwnedDevice } from './device.ts';
import type { DeviceRepository, Viewpoint } from './device-repository.ts';

/** What a test has to say of a device; the fake knows the rest from who added it. */
export type FakeDevice = Omit<OwnedDevice, 'ownerId' | 'role' | 'viewableUntil' | 'shadowsWiped'>;

interface Share {
  viewerId: string;
  deviceId: string;
  until: Date;
}

/** Passes the same contract suite as the real one (`device-repository-contract.ts`). */
export class FakeDeviceRepository implements DeviceRepository {
  readonly #devices: OwnedDevice[] = [];
  readonly #shares: Share[] = [];

  /** Returns it as its owner sees it. */
  add(ownerId: string, device: FakeDevice): OwnedDevice {
    const owned = {
      ...device,
      ownerId,
      role: 'owner',
      viewableUntil: undefined,
      shadowsWiped: true,
    } as const;
    this.#devices.push(owned);
    return owned;
  }

  share(share: Share): void {
    this.#shares.push(share);
  }

  async find(viewpoint: Viewpoint, deviceId: string): Promise<OwnedDevice | undefined> {
    return this.#seenBy(viewpoint).find((device) => device.deviceId === deviceId);
  }

  async list(
    viewpoint: Viewpoint,
    { afterDeviceId, limit }: { afterDeviceId: string; limit: number },
  ): Promise<OwnedDevice[]> {
    return this.#seenBy(viewpoint)
      .filter(({ deviceId }) => deviceId > afterDeviceId)
      .sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1))
      .slice(0, limit);
  }

  async rename(userId: string, deviceId: string, name: string): Promise<boolean> {
    const device = this.#devices.find((one) => one.deviceId === deviceId && one.ownerId === userId);
    if (device) device.name = name;
    return device !== undefined;
  }

  #seenBy({ userId, now }: Viewpoint): OwnedDevice[] {
    const viewed = this.#shares.filter(({ viewerId, until }) => viewerId === userId && until > now);
    return this.#devices.flatMap((device): OwnedDevice[] => {
      if (device.ownerId === userId) return [device];
      const share = viewed.find(({ deviceId }) => deviceId === device.deviceId);
      return share ? [{ ...device, role: 'viewer', viewableUntil: share.until }] : [];
    });
  }
}
