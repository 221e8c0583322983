import type { Knex } from 'knex';
import type { Database } from '../../db/database.ts';
import type { Position } from '../../kernel/cursor.ts';

export type TransferEnd = 'accepted' | 'cancelled' | 'expired' | 'ownership_ended';

/** An owner's offer of a device to another address. */
export interface Transfer {
  id: string;
  deviceId: string;
  /** Of the ownership in which it was made. */
  epoch: number;
  /** Undefined once it is closed. */
  recipientEmail: string | undefined;
  createdAt: Date;
  /** First instant at which it can no longer be accepted. */
  expiresAt: Date;
  toUserId: string | undefined;
  closedAt: Date | undefined;
}

/** An open offer, as one of its two sides sees it. */
export interface ListedTransfer extends Transfer {
  serial: string;
  ownerId: string;
}

interface Row {
  id: string;
  device_id: string;
  epoch: number;
  recipient_email: string | null;
  created_at: Date;
  expires_at: Date;
  to_user_id: string | null;
  closed_at: Date | null;
}

const columns = [
  'id',
  'device_id',
  'epoch',
  'recipient_email',
  'created_at',
  'expires_at',
  'to_user_id',
  'closed_at',
] as const;

/** Offers of devices. Whoever changes one holds the lock of its device. */
export class TransferRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async insert(
    transfer: Pick<Transfer, 'id' | 'deviceId' | 'epoch' | 'createdAt' | 'expiresAt'> & {
      recipientEmail: string;
      tokenHash: Buffer;
    },
  ): Promise<void> {
    await this.#db('device_transfers').insert({
      id: transfer.id,
      device_id: transfer.deviceId,
      epoch: transfer.epoch,
      recipient_email: transfer.recipientEmail,
      token_hash: transfer.tokenHash,
      created_at: transfer.createdAt,
      expires_at: transfer.expiresAt,
    });
  }

  async findByToken(tokenHash: Buffer): Promise<Transfer | undefined> {
    const row = await this.#db<Row>('device_transfers')
      .where({ token_hash: tokenHash } as object)
      .first(...columns);
    return row && toTransfer(row);
  }

  /** One that can still be accepted, for its mail. */
  async findOpen(id: string, now: Date): Promise<Transfer | undefined> {
    const row = await this.#db<Row>('device_transfers')
      .where({ id, closed_at: null })
      .where('expires_at', '>', now)
      .first(...columns);
    return row && toTransfer(row);
  }

  async isOffered(deviceId: string): Promise<boolean> {
    const open = { device_id: deviceId, closed_at: null };
    const row = await this.#db('device_transfers').where(open).first<object | undefined>('id');
    return row !== undefined;
  }

  /** Open offers by this user, and to this address; newest first, those before `after`. */
  async listOpen(
    { userId, verifiedEmail, now }: { userId: string; verifiedEmail: string | undefined; now: Date },
    { after, limit }: { after: Position | undefined; limit: number },
  ): Promise<ListedTransfer[]> {
    const query = this.#db('device_transfers as t')
      .join('device_ownerships as o', (join) =>
        join.on('o.device_id', 't.device_id').andOn('o.epoch', 't.epoch').andOnNull('o.ended_at'),
      )
      .join('devices as d', 'd.device_id', 't.device_id')
      .whereNull('t.closed_at')
      .where('t.expires_at', '>', now)
      .where((side) => {
        void side.where('o.user_id', userId);
        if (verifiedEmail !== undefined) void side.orWhere('t.recipient_email', verifiedEmail);
      });
    if (after) void query.whereRaw('(t.created_at, t.id) < (?, ?)', [after.at, after.key]);
    const rows = await query
      .orderBy([
        { column: 't.created_at', order: 'desc' },
        { column: 't.id', order: 'desc' },
      ])
      .limit(limit)
      .select<(Row & { serial: string; user_id: string })[]>(
        ...columns.map((column) => `t.${column}`),
        'd.serial',
        'o.user_id',
      );
    return rows.map((row) => ({ ...toTransfer(row), serial: row.serial, ownerId: row.user_id }));
  }

  /** By the recipient; before the ownership ends, with which all offers end. */
  async accept(id: string, toUserId: string, now: Date): Promise<void> {
    const [closed] = await close(this.#open.where({ id }), { reason: 'accepted', toUserId, now });
    if (closed === undefined) throw new Error(`the offer ${id} is not open`);
  }

  async close(
    deviceId: string,
    reason: 'cancelled' | 'ownership_ended',
    now: Date,
  ): Promise<string | undefined> {
    const [id] = await close(this.#open.where({ device_id: deviceId }), { reason, now });
    return id;
  }

  async closeToAddress(email: string, now: Date): Promise<string[]> {
    return close(this.#open.where({ recipient_email: email }), { reason: 'cancelled', now });
  }

  /** Notes the end of those whose time is over, of one device or of all; at most `limit`. */
  async closeLapsed(now: Date, { deviceId, limit }: { deviceId?: string; limit: number }): Promise<string[]> {
    const lapsed = this.#db('device_transfers')
      .where({ closed_at: null, ...(deviceId !== undefined && { device_id: deviceId }) })
      .where('expires_at', '<=', now)
      .limit(limit)
      .forUpdate()
      .skipLocked()
      .select('id');
    return close(this.#open.whereIn('id', lapsed), { reason: 'expired', now });
  }

  get #open(): Knex.QueryBuilder {
    return this.#db('device_transfers').whereNull('closed_at');
  }
}

/** Nobody needs the address any more of an offer that is over. */
async function close(
  which: Knex.QueryBuilder,
  { reason, toUserId, now }: { reason: TransferEnd; toUserId?: string; now: Date },
): Promise<string[]> {
  const change = {
    closed_at: now,
    close_reason: reason,
    recipient_email: null,
    to_user_id: toUserId ?? null,
  };
  const rows: { id: string }[] = await which.update(change).returning('id');
  return rows.map(({ id }) => id);
}

function toTransfer(row: Row): Transfer {
  return {
    id: row.id,
    deviceId: row.device_id,
    epoch: row.epoch,
    recipientEmail: row.recipient_email ?? undefined,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    toUserId: row.to_user_id ?? undefined,
    closedAt: row.closed_at ?? undefined,
  };
}
