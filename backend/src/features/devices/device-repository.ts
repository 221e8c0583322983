import type { Database } from '../../db/database.ts';
import { type PreparedStatement, runPrepared } from '../../db/prepared.ts';
import type { OwnedDevice } from './device.ts';

/** Whose devices, and when: a share ends by itself. */
export interface Viewpoint {
  userId: string;
  now: Date;
}

/** Devices as their owners and viewers see them. What a user neither owns nor may view now does not exist here. */
export interface DeviceRepository {
  find(viewpoint: Viewpoint, deviceId: string): Promise<OwnedDevice | undefined>;
  /** By device id, those after `afterDeviceId`. */
  list(viewpoint: Viewpoint, page: { afterDeviceId: string; limit: number }): Promise<OwnedDevice[]>;
  /** By the owner; false when the user owns no such device. */
  rename(userId: string, deviceId: string, name: string): Promise<boolean>;
}

interface Row {
  device_id: string;
  serial: string;
  model: string;
  iccid: string | null;
  name: string | null;
  owner_id: string;
  started_at: Date;
  epoch: number;
  shadows_wiped_epoch: number;
  viewable_until: Date | null;
  online: boolean | null;
  last_seen_at: Date | null;
}

/** Every request about a device asks this first; it says of one device what `#seenBy` says of many. */
const findDevice: PreparedStatement = {
  name: 'find-device',
  text: `SELECT d.device_id, d.serial, d.model, d.iccid, d.shadows_wiped_epoch, o.name, o.user_id AS owner_id, o.started_at,
           o.epoch, s.expires_at AS viewable_until, p.online, d.last_seen_at
         FROM device_ownerships o
         JOIN devices d ON d.device_id = o.device_id
         LEFT JOIN device_presence p ON p.device_id = o.device_id
         LEFT JOIN device_shares s ON s.device_id = o.device_id AND s.epoch = o.epoch AND s.viewer_id = $2
           AND s.ended_at IS NULL AND s.expires_at > $3
         WHERE o.ended_at IS NULL AND o.device_id = $1 AND (o.user_id = $2 OR s.id IS NOT NULL)`,
};

export class KnexDeviceRepository implements DeviceRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async find(viewpoint: Viewpoint, deviceId: string): Promise<OwnedDevice | undefined> {
    const { userId, now } = viewpoint;
    const [row] = await runPrepared<Row>(this.#db, findDevice, [deviceId, userId, now]);
    return row && toOwnedDevice(row, userId);
  }

  async list(
    viewpoint: Viewpoint,
    { afterDeviceId, limit }: { afterDeviceId: string; limit: number },
  ): Promise<OwnedDevice[]> {
    const { userId } = viewpoint;
    // Either half goes by an index of its own; one condition over both would read every device.
    const mine = this.#db('device_ownerships').where({ user_id: userId, ended_at: null }).select('device_id');
    const shared = this.#db('device_shares').where({ viewer_id: userId, ended_at: null }).select('device_id');
    const rows = await this.#seenBy(viewpoint)
      .whereIn('o.device_id', mine.unionAll(shared))
      .whereRaw('(o.user_id = ? OR s.id IS NOT NULL)', [userId])
      .where('o.device_id', '>', afterDeviceId)
      .orderBy('o.device_id')
      .limit(limit);
    return rows.map((row) => toOwnedDevice(row, userId));
  }

  async rename(userId: string, deviceId: string, name: string): Promise<boolean> {
    const owned = { user_id: userId, device_id: deviceId, ended_at: null };
    return (await this.#db('device_ownerships').where(owned).update({ name })) === 1;
  }

  /** Devices that somebody owns, with the share of this user where there is one: of the present epoch, not lapsed. */
  #seenBy({ userId, now }: Viewpoint) {
    return this.#db('device_ownerships as o')
      .join('devices as d', 'd.device_id', 'o.device_id')
      .leftJoin('device_presence as p', 'p.device_id', 'o.device_id')
      .leftJoin('device_shares as s', (join) =>
        join
          .on('s.device_id', 'o.device_id')
          .andOn('s.epoch', 'o.epoch')
          .andOnVal('s.viewer_id', userId)
          .andOnNull('s.ended_at')
          .andOnVal('s.expires_at', '>', now),
      )
      .whereNull('o.ended_at')
      .select<Row[]>(
        'd.device_id',
        'd.serial',
        'd.model',
        'd.iccid',
        'd.shadows_wiped_epoch',
        'o.name',
        'o.user_id as owner_id',
        'o.started_at',
        'o.epoch',
        's.expires_at as viewable_until',
        'p.online',
        'd.last_seen_at',
      );
  }
}

function toOwnedDevice(row: Row, userId: string): OwnedDevice {
  return {
    deviceId: row.device_id,
    serial: row.serial,
    model: row.model,
    iccid: row.iccid ?? undefined,
    name: row.name ?? undefined,
    ownerId: row.owner_id,
    ownedSince: row.started_at,
    epoch: row.epoch,
    role: row.owner_id === userId ? 'owner' : 'viewer',
    viewableUntil: row.viewable_until ?? undefined,
    // The end of the ownership before has the epoch before this one; the first ownership has none before it.
    shadowsWiped: row.shadows_wiped_epoch >= row.epoch - 1,
    online: row.online ?? false,
    lastSeenAt: row.last_seen_at ?? undefined,
  };
}
