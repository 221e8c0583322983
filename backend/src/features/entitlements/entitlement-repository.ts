import type { Capability } from '@aovis/contracts/http/devices';
import type { Database } from '../../db/database.ts';
import { type PreparedStatement, runPrepared } from '../../db/prepared.ts';
import type { Entitlement } from './entitlement.ts';
import { cutLiveViewersOff } from './live-view-endings.ts';

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

export interface HandOver {
  deviceId: string;
  fromUserId: string;
  toUserId: string;
}

export interface EntitlementRepository {
  /** All of one user's on one device, oldest first, lapsed ones too. */
  list(userId: string, deviceId: string): Promise<Entitlement[]>;
  /** False when the device had its trial of this capability, whoever used it. */
  insertTrial(trial: NewTrial): Promise<boolean>;
  /** For `userId`, or whom the device was handed over to since. False when the purchase has allowed this before. */
  insertPurchased(purchased: NewPurchased): Promise<boolean>;
  /** Those of the purchase that are in one of the states named. */
  changeStatusOfPurchase(purchaseId: string, change: StatusChange): Promise<void>;
  /** All that one user has on the device becomes another's, whatever its state. Returns how many those are. */
  handOver(handOver: HandOver): Promise<number>;
  /** Notes the end of those that count no more, at most `limit`. Returns them. */
  expire(now: Date, limit: number): Promise<Pick<Entitlement, 'id' | 'deviceId' | 'capability'>[]>;
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

interface LedgerLine {
  change: 'granted' | 'expired' | 'transferred' | StatusChange['change'];
  reason: string;
}

const listEntitlements: PreparedStatement = {
  name: 'list-entitlements',
  text: `SELECT id, user_id, device_id, capability, source, status, starts_at, ends_at FROM entitlements
         WHERE user_id = $1 AND device_id = $2 ORDER BY starts_at, id`,
};

export class KnexEntitlementRepository implements EntitlementRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async list(userId: string, deviceId: string): Promise<Entitlement[]> {
    const rows = await runPrepared<Row>(this.#db, listEntitlements, [userId, deviceId]);
    return rows.map(toEntitlement);
  }

  async insertTrial({ userId, deviceId, capability, startsAt, endsAt }: NewTrial): Promise<boolean> {
    const rows = await this.#db('entitlements')
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
      .returning<Row[]>('*');
    return this.#noteAll(rows, { change: 'granted', reason: 'first activation of the device' });
  }

  async insertPurchased(purchased: NewPurchased): Promise<boolean> {
    const { deviceId, capability, purchaseId, startsAt, endsAt } = purchased;
    const rows = await this.#db('entitlements')
      .insert({
        user_id: await this.#holderOf(purchased),
        device_id: deviceId,
        capability,
        source: 'purchase',
        purchase_id: purchaseId,
        starts_at: startsAt,
        ends_at: endsAt,
      })
      .onConflict(['purchase_id', 'capability'])
      .ignore()
      .returning<Row[]>('*');
    return this.#noteAll(rows, { change: 'granted', reason: 'the data plan is active' });
  }

  async changeStatusOfPurchase(
    purchaseId: string,
    { from, to, change, reason }: StatusChange,
  ): Promise<void> {
    const rows = await this.#db('entitlements')
      .where({ purchase_id: purchaseId })
      .whereIn('status', [...from])
      .update({ status: to, updated_at: this.#db.fn.now() })
      .returning<Row[]>('*');
    await this.#noteAll(rows, { change, reason });
    if (to !== 'active') for (const row of rows) await cutLiveViewersOff(this.#db, row);
  }

  async handOver({ deviceId, fromUserId, toUserId }: HandOver): Promise<number> {
    const rows = await this.#db('entitlements')
      .where({ device_id: deviceId, user_id: fromUserId })
      .update({ user_id: toUserId, updated_at: this.#db.fn.now() })
      .returning<Row[]>('*');
    await this.#noteAll(rows, { change: 'transferred', reason: 'the device was handed over' });
    return rows.length;
  }

  async expire(now: Date, limit: number): Promise<Pick<Entitlement, 'id' | 'deviceId' | 'capability'>[]> {
    const over = this.#db('entitlements')
      .where({ status: 'active' })
      .where('ends_at', '<=', now)
      .orderBy('ends_at')
      .limit(limit)
      .forUpdate()
      .skipLocked()
      .select('id');
    const rows = await this.#db('entitlements')
      .whereIn('id', over)
      .update({ status: 'expired', updated_at: now })
      .returning<Row[]>('*');
    await this.#noteAll(rows, { change: 'expired', reason: 'its time is over' });
    return rows.map(toEntitlement);
  }

  /** A plan stays with its device: who was handed that over after the purchase has what the purchase allows. */
  async #holderOf({ userId, deviceId, purchaseId }: NewPurchased): Promise<string> {
    // A hand-over holds the device until its end: the entitlement comes before it or after it.
    await this.#db('devices').where({ device_id: deviceId }).forKeyShare().first('device_id');
    const { rows } = await this.#db.raw<{ rows: { user_id: string }[] }>(
      `WITH RECURSIVE holders AS (
         SELECT CAST(:userId AS uuid) AS user_id, created_at AS since FROM data_plan_purchases WHERE id = :purchaseId
         UNION
         SELECT t.to_user_id, t.closed_at FROM holders h
           JOIN device_ownerships o ON o.device_id = :deviceId AND o.user_id = h.user_id
           JOIN device_transfers t ON t.device_id = o.device_id AND t.epoch = o.epoch
             AND t.close_reason = 'accepted' AND t.closed_at > h.since
       ) SELECT user_id FROM holders ORDER BY since DESC LIMIT 1`,
      { userId, deviceId, purchaseId },
    );
    return rows[0]?.user_id ?? userId;
  }

  /** Writes a line for each into the ledger. False when there is none. */
  async #noteAll(rows: readonly Row[], { change, reason }: LedgerLine): Promise<boolean> {
    if (rows.length === 0) return false;
    await this.#db('entitlement_grants').insert(
      rows.map(({ id, ends_at }) => ({ entitlement_id: id, change, reason, ends_at })),
    );
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
