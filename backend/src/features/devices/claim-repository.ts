import { liveCapability } from '@aovis/contracts/live-view';
import type { Database } from '../../db/database.ts';
import type { ClaimPolicy, DeviceStatus } from './activation-rules.ts';

/** A device with all that decides about a claim, its row locked until the transaction ends. */
export interface LockedDevice {
  deviceId: string;
  serial: string;
  status: DeviceStatus;
  certificateId: string | undefined;
  activationCodeHash: string | undefined;
  iccid: string | undefined;
  claimPolicy: ClaimPolicy;
  epoch: number;
  ownerId: string | undefined;
  /** Of the present ownership: what is shared or offered in it ends with it. */
  ownershipEpoch: number | undefined;
}

interface Row {
  device_id: string;
  serial: string;
  status: DeviceStatus;
  certificate_id: string | null;
  activation_code_hash: string | null;
  iccid: string | null;
  activation_policy: ClaimPolicy;
  ownership_epoch: number;
}

/** Locks the device: claims and releases of one device happen one after the other. */
export async function lockDevice(trx: Database, deviceId: string): Promise<LockedDevice | undefined> {
  const row = await trx<Row>('devices').where({ device_id: deviceId }).forUpdate().first();
  // After the lock, not joined to it: a query that waited for a lock sees other tables as before the wait. And also
  // for an unknown device: whether one exists must not show in the time.
  const owner = await trx('device_ownerships')
    .where({ device_id: deviceId, ended_at: null })
    .first<{ user_id: string; epoch: number } | undefined>('user_id', 'epoch');
  if (row === undefined) return undefined;
  return {
    deviceId: row.device_id,
    serial: row.serial,
    status: row.status,
    certificateId: row.certificate_id ?? undefined,
    activationCodeHash: row.activation_code_hash ?? undefined,
    iccid: row.iccid ?? undefined,
    claimPolicy: row.activation_policy,
    epoch: row.ownership_epoch,
    ownerId: owner?.user_id,
    ownershipEpoch: owner?.epoch,
  };
}

/** Begins an ownership in a new epoch, which it returns. A second active one cannot be stored. */
export async function beginOwnership(
  trx: Database,
  { deviceId, userId, now }: { deviceId: string; userId: string; now: Date },
): Promise<number> {
  const epoch = await bumpEpoch(trx, deviceId, now);
  await trx('device_ownerships').insert({ device_id: deviceId, user_id: userId, epoch, started_at: now });
  return epoch;
}

/** Ends the ownership and with it the owner's name for the device. Returns the new epoch. */
export async function endOwnership(
  trx: Database,
  { deviceId, reason, now }: { deviceId: string; reason: 'released' | 'transferred'; now: Date },
): Promise<number> {
  await trx('device_ownerships')
    .where({ device_id: deviceId, ended_at: null })
    .update({ ended_at: now, end_reason: reason, name: null });
  return bumpEpoch(trx, deviceId, now);
}

export async function storeActivationHash(trx: Database, deviceId: string, hash: string): Promise<void> {
  await trx('devices').where({ device_id: deviceId }).update({ activation_code_hash: hash });
}

/** Up to which epoch ownerships of the device have ended, and up to which their shadows are gone. */
export async function findWipeState(
  db: Database,
  deviceId: string,
): Promise<{ endedEpoch: number; wipedEpoch: number } | undefined> {
  const row = await db('devices as d')
    .leftJoin('device_ownerships as o', (join) =>
      join.on('o.device_id', 'd.device_id').andOnNull('o.ended_at'),
    )
    .where('d.device_id', deviceId)
    .first<{ ownership_epoch: number; shadows_wiped_epoch: number; present: number | null } | undefined>(
      'd.ownership_epoch',
      'd.shadows_wiped_epoch',
      'o.epoch as present',
    );
  if (row === undefined) return undefined;
  const endedEpoch = row.present === null ? row.ownership_epoch : row.present - 1;
  return { endedEpoch, wipedEpoch: row.shadows_wiped_epoch };
}

/** What a board is told of its ownership, as the records have it. */
export interface OwnershipRecord {
  epoch: number;
  owned: boolean;
  /** When the last share of this ownership ended. */
  shareEndedAt: Date | undefined;
  /** When a plan that allowed the live view was last suspended or revoked. */
  planTakenBackAt: Date | undefined;
}

/** Whether somebody owns the device, after how many changes of owner, and when a viewer of this owner's last ceased to be one. */
export async function findOwnershipState(
  db: Database,
  deviceId: string,
): Promise<OwnershipRecord | undefined> {
  const row = await db('devices as d')
    .where('d.device_id', deviceId)
    .first<
      | { epoch: number; owned: boolean; share_ended_at: Date | null; plan_taken_back_at: Date | null }
      | undefined
    >(
      'd.ownership_epoch as epoch',
      db.raw(
        'EXISTS (SELECT FROM device_ownerships o WHERE o.device_id = d.device_id AND o.ended_at IS NULL) AS owned',
      ),
      // Who is given a new share in the place of an old one views on.
      db.raw(
        `(SELECT max(s.ended_at) FROM device_shares s WHERE s.device_id = d.device_id AND s.epoch = d.ownership_epoch
            AND s.accepted_at IS NOT NULL AND s.end_reason <> 'replaced') AS share_ended_at`,
      ),
      // Not where another plan of the same owner went on allowing it.
      db.raw(
        `(SELECT max(g.at) FROM entitlements e JOIN entitlement_grants g ON g.entitlement_id = e.id
            WHERE e.device_id = d.device_id AND e.capability = :capability AND g.change IN ('suspended', 'revoked')
              AND NOT EXISTS (SELECT FROM entitlements o WHERE o.device_id = e.device_id AND o.user_id = e.user_id
                AND o.capability = e.capability AND o.id <> e.id AND o.status = 'active'
                AND o.starts_at <= g.at AND (o.ends_at IS NULL OR o.ends_at > g.at))) AS plan_taken_back_at`,
        { capability: liveCapability },
      ),
    );
  return (
    row && {
      epoch: row.epoch,
      owned: row.owned,
      shareEndedAt: row.share_ended_at ?? undefined,
      planTakenBackAt: row.plan_taken_back_at ?? undefined,
    }
  );
}

/** The shadows of all ownerships that ended until this epoch are gone. */
export async function noteShadowsWiped(db: Database, deviceId: string, epoch: number): Promise<void> {
  await db('devices')
    .where({ device_id: deviceId })
    .where('shadows_wiped_epoch', '<', epoch)
    .update({ shadows_wiped_epoch: epoch });
}

async function bumpEpoch(trx: Database, deviceId: string, now: Date): Promise<number> {
  const [row] = await trx('devices')
    .where({ device_id: deviceId })
    .update({ ownership_epoch: trx.raw('ownership_epoch + 1'), updated_at: now })
    .returning<{ ownership_epoch: number }[]>('ownership_epoch');
  if (row === undefined) throw new Error(`there is no device ${deviceId}`);
  return row.ownership_epoch;
}
