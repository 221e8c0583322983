import type { Capability } from '@aovis/contracts/http/devices';
import type { Database } from '../../db/database.ts';
import type { Entitlement } from './entitlement.ts';

export type NewTrial = Pick<Entitlement, 'userId' | 'deviceId' | 'capability'> & {
  startsAt: Date;
  endsAt: Date;
};

/** What a purchase allows; one for each of its capabilities, ever. */
export type NewPurchased = NewTrial & { purchaseId: string };

/** A change of all that a purchase allows, and its line in the ledger. */
export interface StatusChange {
  from: readonly Entitlement['status'][];
  to: Entitlement['status'];
  change: 'suspended' | 'restored' | 'revoked';
  reason: string;
}

export interface EntitlementRepository {
  /** All of one user's on one device, oldest first, lapsed ones too. */
  list(userId: string, deviceId: string): Promise<Entitlement[]>;
  /** False when the device had its trial of this capability, whoever used it. */
  insertTrial(trial: NewTrial): Promise<boolean>;
  /** False when the purchase has allowed this before. */
  insertPurchased(purchased: NewPurchased): Promise<boolean>;
  /** Those of the purchase that are in one of the states named. */
  changeStatusOfPurchase(purchaseId: string, change: StatusChange): Promise<void>;
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
    await this.#noteGrant(row.id, 'first activation of the device', endsAt);
    return true;
  }

  async insertPurchased(purchased: NewPurchased): Promise<boolean> {
    const { userId, deviceId, capability, purchaseId, startsAt, endsAt } = purchased;
    const [row] = await this.#db('entitlements')
      .insert({
        user_id: userId,
        device_id: deviceId,
        capability,
        source: 'purchase',
        purchase_id: purchaseId,
        starts_at: startsAt,
        ends_at: endsAt,
      })
      .onConflict(['purchase_id', 'capability'])
      .ignore()
      .returning<{ id: string }[]>('id');
    if (row === undefined) return false;
    await this.#noteGrant(row.id, 'the data plan is active', endsAt);
    return true;
  }

  async changeStatusOfPurchase(
    purchaseId: string,
    { from, to, change, reason }: StatusChange,
  ): Promise<void> {
    const rows = await this.#db('entitlements')
      .where({ purchase_id: purchaseId })
      .whereIn('status', [...from])
      .update({ status: to, updated_at: this.#db.fn.now() })
      .returning<{ id: string; ends_at: Date | null }[]>(['id', 'ends_at']);
    for (const { id, ends_at } of rows)
      await this.#db('entitlement_grants').insert({ entitlement_id: id, change, reason, ends_at });
  }

  async #noteGrant(entitlementId: string, reason: string, endsAt: Date): Promise<void> {
    const grant = { entitlement_id: entitlementId, change: 'granted', reason, ends_at: endsAt };
    await this.#db('entitlement_grants').insert(grant);
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
