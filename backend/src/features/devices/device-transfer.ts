import type { Database } from '../../db/database.ts';
import { enqueue } from '../../outbox/outbox.ts';
import type { EntitlementService } from '../entitlements/entitlement-service.ts';
import { beginOwnership, lockDevice } from './claim-repository.ts';
import { type DeviceOutboxPayload, deviceActivatedTopic } from './device-outbox.ts';
import { endOwnershipWhole } from './device-release.ts';

/** Whose a device is. It stays so until the transaction ends. */
export interface LockedOwnership {
  ownerId: string;
  epoch: number;
}

/** Locks the device, owned or not; undefined when nobody owns it. */
export async function lockOwnership(trx: Database, deviceId: string): Promise<LockedOwnership | undefined> {
  const device = await lockDevice(trx, deviceId);
  if (device?.ownerId === undefined || device.ownershipEpoch === undefined) return undefined;
  return { ownerId: device.ownerId, epoch: device.ownershipEpoch };
}

/**
 * Makes a locked device another user's: as after a release by one and an activation by the other, but nobody can come
 * between, and what the owner has on it goes along. Returns what changed, for the audit.
 */
export async function transferDevice(
  trx: Database,
  transfer: { deviceId: string; fromUserId: string; toUserId: string; now: Date; requestId: string },
  entitlements: Pick<EntitlementService, 'handOver'>,
): Promise<{ epoch: number; shares: number; entitlements: number }> {
  const { deviceId, fromUserId, toUserId, now, requestId } = transfer;
  const { shares } = await endOwnershipWhole(trx, { deviceId, reason: 'transferred', now, requestId });
  const epoch = await beginOwnership(trx, { deviceId, userId: toUserId, now });
  const handedOver = await entitlements.handOver({ deviceId, fromUserId, toUserId });
  const payload: DeviceOutboxPayload = { device_id: deviceId };
  await enqueue(trx, { topic: deviceActivatedTopic, key: deviceId, payload, requestId });
  return { epoch, shares, entitlements: handedOver };
}
