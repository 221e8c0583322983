import type { Knex } from 'knex';
import type { Database } from '../../db/database.ts';
import type { ShareWindow } from './sharing-rules.ts';

export type ShareEnd = 'expired' | 'replaced' | 'revoked' | 'left' | 'ownership_ended';

/** An invitation to view a device, and once accepted the right to. */
export interface Share {
  id: string;
  deviceId: string;
  /** Of the ownership in which it was given. */
  epoch: number;
  /** Undefined for an invitation by link. */
  invitedEmail: string | undefined;
  createdAt: Date;
  invitationExpiresAt: Date;
  viewerId: string | undefined;
  acceptedAt: Date | undefined;
  /** First instant at which it allows no more viewing. */
  expiresAt: Date;
  endedAt: Date | undefined;
}

/** A share as its owner sees it. */
export interface ListedShare extends Share {
  viewerName: string | undefined;
  viewerEmail: string | undefined;
}

export type EndedShare = Pick<Share, 'id' | 'deviceId'>;

interface Row {
  id: string;
  device_id: string;
  epoch: number;
  invited_email: string | null;
  created_at: Date;
  invitation_expires_at: Date;
  viewer_id: string | null;
  accepted_at: Date | null;
  expires_at: Date;
  ended_at: Date | null;
}

const columns = [
  'id',
  'device_id',
  'epoch',
  'invited_email',
  'created_at',
  'invitation_expires_at',
  'viewer_id',
  'accepted_at',
  'expires_at',
  'ended_at',
] as const;

/** Shares of devices. Whoever changes some holds the lock of their device. */
export class ShareRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async insert(
    share: Pick<Share, 'id' | 'deviceId' | 'epoch' | 'invitedEmail'> &
      ShareWindow & { slot: number; tokenHash: Buffer; now: Date },
  ): Promise<Share> {
    const [row] = await this.#db('device_shares')
      .insert({
        id: share.id,
        device_id: share.deviceId,
        epoch: share.epoch,
        slot: share.slot,
        invited_email: share.invitedEmail ?? null,
        token_hash: share.tokenHash,
        created_at: share.now,
        invitation_expires_at: share.invitationExpiresAt,
        expires_at: share.expiresAt,
      })
      .returning<Row[]>([...columns]);
    if (row === undefined) throw new Error('the share was not stored');
    return toShare(row);
  }

  async findByToken(tokenHash: Buffer): Promise<Share | undefined> {
    const row = await this.#db<Row>('device_shares')
      .where({ token_hash: tokenHash } as object)
      .first(...columns);
    return row && toShare(row);
  }

  /** One that can still be accepted, for its mail. */
  async findInvitation(id: string, now: Date): Promise<Share | undefined> {
    const row = await this.#db<Row>('device_shares')
      .where({ id, accepted_at: null, ended_at: null })
      .where('invitation_expires_at', '>', now)
      .first(...columns);
    return row && toShare(row);
  }

  /** Those that hold, oldest first: viewers, and invitations that can still be accepted. */
  async listOpen(deviceId: string, now: Date): Promise<ListedShare[]> {
    const rows = await this.#db('device_shares as s')
      .leftJoin('users as u', 'u.id', 's.viewer_id')
      .where({ 's.device_id': deviceId, 's.ended_at': null })
      .whereRaw('CASE WHEN s.accepted_at IS NULL THEN s.invitation_expires_at ELSE s.expires_at END > ?', [
        now,
      ])
      .orderBy(['s.created_at', 's.id'])
      .select<(Row & { display_name: string | null; email: string | null })[]>(
        ...columns.map((column) => `s.${column}`),
        'u.display_name',
        'u.email',
      );
    return rows.map((row) => ({
      ...toShare(row),
      viewerName: row.display_name ?? undefined,
      viewerEmail: row.email ?? undefined,
    }));
  }

  async takenSlots(deviceId: string): Promise<number[]> {
    return this.#db('device_shares').where({ device_id: deviceId, ended_at: null }).pluck<number[]>('slot');
  }

  async accept(id: string, viewerId: string, now: Date): Promise<Share> {
    const [row] = await this.#db('device_shares')
      .where({ id, accepted_at: null, ended_at: null })
      .update({ viewer_id: viewerId, accepted_at: now })
      .returning<Row[]>([...columns]);
    if (row === undefined) throw new Error(`the invitation ${id} is not open`);
    return toShare(row);
  }

  async end(
    where: { deviceId: string; id: string } | { deviceId: string; viewerId: string },
    reason: ShareEnd,
    now: Date,
  ): Promise<string | undefined> {
    const which = 'id' in where ? { id: where.id } : { viewer_id: where.viewerId };
    const [ended] = await end(this.#open.where({ device_id: where.deviceId, ...which }), reason, now);
    return ended?.id;
  }

  /** An open invitation of this address, which a new one takes the place of. */
  async endInvitation(deviceId: string, email: string, now: Date): Promise<void> {
    const which = { device_id: deviceId, invited_email: email, accepted_at: null };
    await end(this.#open.where(which), 'replaced', now);
  }

  async endOfOwnership(deviceId: string, now: Date): Promise<EndedShare[]> {
    return end(this.#open.where({ device_id: deviceId }), 'ownership_ended', now);
  }

  async endOfViewer(viewerId: string, now: Date): Promise<EndedShare[]> {
    return end(this.#open.where({ viewer_id: viewerId }), 'left', now);
  }

  /** Invitations that went to an address which is somebody's no longer. */
  async endOfAddress(email: string, now: Date): Promise<EndedShare[]> {
    return end(this.#open.where({ invited_email: email }), 'left', now);
  }

  /** Notes the end of those whose time is over, of one device or of all; at most `limit`. */
  async endLapsed(
    now: Date,
    { deviceId, limit }: { deviceId?: string; limit: number },
  ): Promise<EndedShare[]> {
    const lapsed = this.#db('device_shares')
      .where({ ended_at: null, ...(deviceId !== undefined && { device_id: deviceId }) })
      .whereRaw('CASE WHEN accepted_at IS NULL THEN invitation_expires_at ELSE expires_at END <= ?', [now])
      .limit(limit)
      .forUpdate()
      .skipLocked()
      .select('id');
    return end(this.#open.whereIn('id', lapsed), 'expired', now);
  }

  get #open(): Knex.QueryBuilder {
    return this.#db('device_shares').whereNull('ended_at');
  }
}

/** Nobody needs an address any more by which nobody is invited. */
async function end(which: Knex.QueryBuilder, reason: ShareEnd, now: Date): Promise<EndedShare[]> {
  const change = { ended_at: now, end_reason: reason, invited_email: null };
  const rows: { id: string; device_id: string }[] = await which.update(change).returning(['id', 'device_id']);
  return rows.map(({ id, device_id: deviceId }) => ({ id, deviceId }));
}

function toShare(row: Row): Share {
  return {
    id: row.id,
    deviceId: row.device_id,
    epoch: row.epoch,
    invitedEmail: row.invited_email ?? undefined,
    createdAt: row.created_at,
    invitationExpiresAt: row.invitation_expires_at,
    viewerId: row.viewer_id ?? undefined,
    acceptedAt: row.accepted_at ?? undefined,
    expiresAt: row.expires_at,
    endedAt: row.ended_at ?? undefined,
  };
}
