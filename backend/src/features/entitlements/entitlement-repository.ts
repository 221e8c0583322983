import type { Capability } from '@aovis/contracts/http/devices';
import type { Database } from '../../db/database.ts';
import type { Entitlement } from './entitlement.ts';

export type NewTrial = Pick<Entitlement, 'userId' | 'deviceId' | 'capability'> & {
  startsAt: Date;
  endsAt: Date;
};

export interface EntitlementRepository {
  /** All of one user's on one device, oldest first, lapsed ones too. */
  list(userId: string, deviceId: string): Promise<Entitlement[]>;
  /** False when the device had its trial of this capability, whoever used it. */
  insertTrial(trial: NewTrial): Promise<boolean>;
}

interface Row {
  id: string;
  user_id: string;
  device_id: string;
  capability: Capability;
  source: Entitlement['source'];
  status: Entitlement['status'];
  starts_at: Date;
  ends_at: Date | null;
}

export class KnexEntitlementRepository implements EntitlementRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async list(userId: string, deviceId: string): Promise<Entitlement[]> {
    const rows = await this.#db<Row>('entitlements')
      .where({ user_id: userId, device_id: deviceId })
      .orderBy(['starts_at', 'id']);
    return rows.map(toEntitlement);
  }

  async insertTrial({ userId, deviceId, capability, startsAt, endsAt }: NewTrial): Promise<boolean> {
    const [row] = await this.#db('entitlements')
      .insert({
        user_id: userId,
        device_id: deviceId,
        capability,
        source: 'trial',
        starts_at: startsAt,
        ends_at: endsAt,
      })
      .onConflict(this.#db.raw(`(device_id, capability) WHERE source = 'trial'`))
      .ignore()
      .returning<{ id: string }[]>('id');
    if (row === undefined) return false;
    await this.#db('entitlement_grants').insert({
      entitlement_id: row.id,
      change: 'granted',
      reason: 'first activation of the device',
      ends_at: endsAt,
    });
    return true;
  }
}

function toEntitlement(row: Row): Entitlement {
  return {
    id: row.id,
    userId: row.user_id,
    deviceId: row.device_id,
    capability: row.capability,
    source: row.source,
    status: row.status,
    startsAt: row.starts_at,
    endsAt: row.ends_at ?? undefined,
  };
}
