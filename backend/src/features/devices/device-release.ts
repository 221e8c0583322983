import type { Database } from '../../db/database.ts';
import { enqueue } from '../../outbox/outbox.ts';
import { record } from '../audit/audit-log.ts';
import { endSharesOfDevice } from '../sharing/share-endings.ts';
import { endOwnership, lockDevice } from './claim-repository.ts';
import { type DeviceReleasedPayload, deviceReleasedTopic } from './device-outbox.ts';

export interface Release {
  userId: string;
  now: Date;
  requestId: string;
}

export interface OwnershipEnd {
  deviceId: string;
  reason: 'released' | 'transferred';
  now: Date;
  requestId: string;
}

/**
 * Ends the ownership of a locked device with all that hangs on it: shares, an open offer, the owner's name for it, and
 * after the commit its shadows. From then on it can be claimed. Returns what that was, for the audit.
 */
export async function endOwnershipWhole(
  trx: Database,
  { deviceId, reason, now, requestId }: OwnershipEnd,
): Promise<{ epoch: number; shares: number; offers: number }> {
  const ended = await endSharesOfDevice(trx, { deviceId, now });
  const epoch = await endOwnership(trx, { deviceId, reason, now });
  const payload: DeviceReleasedPayload = { device_id: deviceId, epoch };
  await enqueue(trx, { topic: deviceReleasedTopic, key: deviceId, payload, requestId });
  return { epoch, ...ended };
}

/**
 * Ends the user's ownership of the device and queues what follows from it in the cloud. False when it is not the
 * user's, which is looked at under the lock of the device.
 */
export async function releaseDevice(
  trx: Database,
  deviceId: string,
  { userId, now, requestId }: Release,
): Promise<boolean> {
  const locked = await lockDevice(trx, deviceId);
  if (locked?.ownerId !== userId) return false;
  const details = await endOwnershipWhole(trx, { deviceId, reason: 'released', now, requestId });
  await record(trx, {
    action: 'device.release',
    actor: { kind: 'user', id: userId },
    subject: { kind: 'device', id: deviceId },
    outcome: 'ok',
    details,
    requestId,
  });
  return true;
}

/** Takes the device from whoever owns it. Undefined when nobody does. The caller writes the audit row. */
export async function releaseForStaff(
  trx: Database,
  deviceId: string,
  { now, requestId }: Omit<Release, 'userId'>,
): Promise<{ ownerId: string; epoch: number; shares: number; offers: number } | undefined> {
  const locked = await lockDevice(trx, deviceId);
  if (locked?.ownerId === undefined) return undefined;
  const ended = await endOwnershipWhole(trx, { deviceId, reason: 'released', now, requestId });
  return { ownerId: locked.ownerId, ...ended };
}

/** All that the user owns, in the transaction that closes the account. Returns how many that were. */
export async function releaseAllDevices(trx: Database, release: Release): Promise<number> {
  const deviceIds = await trx('device_ownerships')
    .where({ user_id: release.userId, ended_at: null })
    // In one order: two who release the same devices wait for each other instead of locking each other out.
    .orderBy('device_id')
    .pluck<string[]>('device_id');
  let released = 0;
  for (const deviceId of deviceIds) if (await releaseDevice(trx, deviceId, release)) released += 1;
  return released;
}
