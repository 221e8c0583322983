import type { Database } from '../../db/database.ts';
import type { OwnedDevice } from './device.ts';

/** Devices as their owners see them. What is not owned by `userId` now does not exist here. */
export interface DeviceRepository {
  findOwned(userId: string, deviceId: string): Promise<OwnedDevice | undefined>;
  /** By device id, those after `afterDeviceId`. */
  listOwned(userId: string, page: { afterDeviceId: string; limit: number }): Promise<OwnedDevice[]>;
  /** False when there is no such device. */
  rename(userId: string, deviceId: string, name: string): Promise<boolean>;
}

interface Row {
  device_id: string;
  serial: string;
  model: string;
  iccid: string | null;
  name: string | null;
  started_at: Date;
  epoch: number;
  online: boolean | null;
  last_seen_at: Date | null;
}

export class KnexDeviceRepository implements DeviceRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async findOwned(userId: string, deviceId: string): Promise<OwnedDevice | undefined> {
    const row = await this.#owned(userId).where('d.device_id', deviceId).first();
    return row && toOwnedDevice(row);
  }

  async listOwned(
    userId: string,
    { afterDeviceId, limit }: { afterDeviceId: string; limit: number },
  ): Promise<OwnedDevice[]> {
    const rows = await this.#owned(userId)
      .where('d.device_id', '>', afterDeviceId)
      .orderBy('d.device_id')
      .limit(limit);
    return rows.map(toOwnedDevice);
  }

  async rename(userId: string, deviceId: string, name: string): Promise<boolean> {
    const owned = { user_id: userId, device_id: deviceId, ended_at: null };
    return (await this.#db('device_ownerships').where(owned).update({ name })) === 1;
  }

  #owned(userId: string) {
    return this.#db('device_ownerships as o')
      .join('devices as d', 'd.device_id', 'o.device_id')
      .leftJoin('device_presence as p', 'p.device_id', 'o.device_id')
      .where({ 'o.user_id': userId, 'o.ended_at': null })
      .select<Row[]>(
        'd.device_id',
        'd.serial',
        'd.model',
        'd.iccid',
        'o.name',
        'o.started_at',
        'o.epoch',
        'p.online',
        'd.last_seen_at',
      );
  }
}

function toOwnedDevice(row: Row): OwnedDevice {
  return {
    deviceId: row.device_id,
    serial: row.serial,
    model: row.model,
    iccid: row.iccid ?? undefined,
    name: row.name ?? undefined,
    ownedSince: row.started_at,
    epoch: row.epoch,
    online: row.online ?? false,
    lastSeenAt: row.last_seen_at ?? undefined,
  };
}
