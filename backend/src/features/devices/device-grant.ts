import type { Database } from '../../db/database.ts';
import { enqueue } from '../../outbox/outbox.ts';
import { record } from '../audit/audit-log.ts';
import type { EntitlementService } from '../entitlements/entitlement-service.ts';
import { linkSim } from '../sim/sim-service.ts';
import { beginOwnership, type LockedDevice, lockDevice } from './claim-repository.ts';
import { type DeviceOutboxPayload, deviceActivatedTopic } from './device-outbox.ts';

export type ClaimableDevice = LockedDevice;

/** A device with all that decides about a claim, locked until the transaction ends. */
export async function lockForClaim(trx: Database, deviceId: string): Promise<ClaimableDevice | undefined> {
  return lockDevice(trx, deviceId);
}

export interface Grant {
  userId: string;
  now: Date;
  requestId: string;
  /** The claim that the board confirmed, where its model wants that. */
  claimId?: string;
}

/**
 * Makes a locked device that nobody owns the user's: ownership, trial, SIM link, what follows in the cloud, audit row.
 * The one way to it, whatever was asked for before.
 */
export async function grantDevice(
  trx: Database,
  { deviceId, iccid }: ClaimableDevice,
  { userId, now, requestId, claimId }: Grant,
  entitlements: Pick<EntitlementService, 'startTrial'>,
): Promise<void> {
  const epoch = await beginOwnership(trx, { deviceId, userId, now });
  const trial = await entitlements.startTrial(userId, deviceId);
  if (iccid !== undefined) await linkSim(trx, { iccid, deviceId, now });
  const payload: DeviceOutboxPayload = { device_id: deviceId };
  await enqueue(trx, { topic: deviceActivatedTopic, key: deviceId, payload, requestId });
  await record(trx, {
    action: 'device.activate',
    actor: { kind: 'user', id: userId },
    subject: { kind: 'device', id: deviceId },
    outcome: 'ok',
    details: { epoch, trial: trial !== undefined, ...(claimId !== undefined && { claim_id: claimId }) },
    requestId,
  });
}
