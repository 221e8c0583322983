import type { Database } from '../../db/database.ts';
import type { Claim, ClaimFailure, ClaimStatus } from './claim.ts';

interface Row {
  id: string;
  device_id: string;
  user_id: string;
  epoch: number;
  nonce: string;
  status: ClaimStatus;
  failure: ClaimFailure | null;
  request_id: string;
  created_at: Date;
  expires_at: Date;
}

/** How a claim ended. */
export interface ClaimEnd {
  status: Exclude<ClaimStatus, 'pending'>;
  failure?: ClaimFailure;
  at: Date;
}

export class KnexClaimRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** A second one of a device cannot be stored while the first is pending. */
  async insert(claim: Claim): Promise<void> {
    await this.#db('device_claims').insert({
      id: claim.id,
      device_id: claim.deviceId,
      user_id: claim.userId,
      epoch: claim.epoch,
      nonce: claim.nonce,
      request_id: claim.requestId,
      created_at: claim.createdAt,
      expires_at: claim.expiresAt,
    });
  }

  async find(id: string): Promise<Claim | undefined> {
    return this.#first({ id });
  }

  async findOf(userId: string, id: string): Promise<Claim | undefined> {
    return this.#first({ id, user_id: userId });
  }

  /** Call with the device locked. */
  async findPending(deviceId: string): Promise<Claim | undefined> {
    return this.#first({ device_id: deviceId, status: 'pending' });
  }

  /** Locked until the transaction ends; lock its device before. */
  async lock(id: string): Promise<Claim | undefined> {
    const row = await this.#db<Row>('device_claims').where({ id }).forUpdate().first();
    return row && toClaim(row);
  }

  /** Those whose time is over, longest over first. */
  async listRunOut(now: Date, limit: number): Promise<Claim[]> {
    const rows = await this.#db('device_claims')
      .where({ status: 'pending' })
      .where('expires_at', '<=', now)
      .orderBy('expires_at')
      .limit(limit)
      .select<Row[]>();
    return rows.map(toClaim);
  }

  /** The database refuses a second end (`device_claims_end_once`). */
  async end(id: string, { status, failure, at }: ClaimEnd): Promise<void> {
    await this.#db('device_claims')
      .where({ id })
      .update({ status, failure: failure ?? null, ended_at: at });
  }

  async notePublished(id: string, at: Date): Promise<void> {
    await this.#db('device_claims').where({ id }).update({ published_at: at });
  }

  /** Whether the broker last said that the board is connected. */
  async isOnline(deviceId: string): Promise<boolean> {
    const presence = await this.#db('device_presence')
      .where({ device_id: deviceId })
      .first<{ online: boolean } | undefined>('online');
    return presence?.online ?? false;
  }

  async isCertificateOf(deviceId: string, certificateId: string): Promise<boolean> {
    const device = await this.#db('devices')
      .where({ device_id: deviceId, certificate_id: certificateId })
      .first<object | undefined>('device_id');
    return device !== undefined;
  }

  async #first(where: object): Promise<Claim | undefined> {
    const row = await this.#db<Row>('device_claims').where(where).first();
    return row && toClaim(row);
  }
}

function toClaim(row: Row): Claim {
  return {
    id: row.id,
    deviceId: row.device_id,
    userId: row.user_id,
    epoch: row.epoch,
    nonce: row.nonce,
    status: row.status,
    failure: row.failure ?? undefined,
    requestId: row.request_id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
