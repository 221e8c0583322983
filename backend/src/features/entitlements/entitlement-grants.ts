import type { Capability } from '@aovis/contracts/http/devices';
import type { Database } from '../../db/database.ts';
import { cutLiveViewersOff } from './live-view-endings.ts';

export interface Grant {
  deviceId: string;
  capability: Capability;
  startsAt: Date;
  endsAt: Date;
  reason: string;
}

/** Allows the device's owner something that was not bought. Undefined when nobody owns it. */
export async function grantToOwner(
  trx: Database,
  { deviceId, capability, startsAt, endsAt, reason }: Grant,
): Promise<string | undefined> {
  // The owner stays the owner until the end of the transaction: releases and hand-overs lock the device.
  await trx('devices').where({ device_id: deviceId }).forKeyShare().first('device_id');
  const owner = await trx('device_ownerships')
    .where({ device_id: deviceId, ended_at: null })
    .first<{ user_id: string } | undefined>('user_id');
  if (owner === undefined) return undefined;
  const [row] = await trx('entitlements')
    .insert({
      device_id: deviceId,
      user_id: owner.user_id,
      capability,
      source: 'grant',
      starts_at: startsAt,
      ends_at: endsAt,
    })
    .returning<{ id: string }[]>('id');
  if (row === undefined) throw new Error('the entitlement was not stored');
  await trx('entitlement_grants').insert({
    entitlement_id: row.id,
    change: 'granted',
    reason,
    ends_at: endsAt,
  });
  return row.id;
}

export type SettableStatus = 'active' | 'suspended' | 'revoked';

const ledgerChanges = { active: 'restored', suspended: 'suspended', revoked: 'revoked' } as const;

/**
 * Suspends, restores or revokes one right, whatever it came from. Returns its status until now, undefined when there is
 * no such right or it has ended for good. To repeat it changes nothing.
 */
export async function setEntitlementStatus(
  trx: Database,
  id: string,
  { status, reason, now }: { status: SettableStatus; reason: string; now: Date },
): Promise<string | undefined> {
  const row = await trx('entitlements')
    .where({ id })
    .whereIn('status', ['active', 'suspended', status])
    .forUpdate()
    .first<{ status: string; ends_at: Date | null; device_id: string; capability: Capability } | undefined>(
      'status',
      'ends_at',
      'device_id',
      'capability',
    );
  if (row === undefined || row.status === status) return row?.status;
  await trx('entitlements').where({ id }).update({ status, updated_at: now });
  await trx('entitlement_grants').insert({
    entitlement_id: id,
    change: ledgerChanges[status],
    reason,
    ends_at: row.ends_at,
  });
  if (status !== 'active') await cutLiveViewersOff(trx, row);
  return row.status;
}
