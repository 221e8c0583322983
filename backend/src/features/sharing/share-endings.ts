import type { Database } from '../../db/database.ts';
import { enqueue } from '../../outbox/outbox.ts';
import { record } from '../audit/audit-log.ts';
import { type DeviceOutboxPayload, viewerLeftTopic } from '../devices/device-outbox.ts';
import { type EndedShare, ShareRepository } from './share-repository.ts';
import { TransferRepository } from './transfer-repository.ts';
import { findVerifiedEmail } from './verified-address.ts';

/** What a change of owner takes along: all shares and an open offer. The device must be locked. */
export async function endSharesOfDevice(
  trx: Database,
  { deviceId, now }: { deviceId: string; now: Date },
): Promise<{ shares: number; offers: number }> {
  const shares = await new ShareRepository(trx).endOfOwnership(deviceId, now);
  const offer = await new TransferRepository(trx).close(deviceId, 'ownership_ended', now);
  return { shares: shares.length, offers: offer === undefined ? 0 : 1 };
}

/** Has the boards cut off whoever looks through them by a share that has ended. */
export async function cutViewersOff(
  trx: Database,
  ended: readonly Pick<EndedShare, 'deviceId'>[],
  requestId?: string,
): Promise<void> {
  for (const deviceId of new Set(ended.map((share) => share.deviceId))) {
    const payload: DeviceOutboxPayload = { device_id: deviceId };
    await enqueue(trx, { topic: viewerLeftTopic, key: deviceId, payload, requestId });
  }
}

/**
 * Ends what the user may view, and invitations and offers to the user's address, in the transaction that closes the
 * account: with the account's row locked, and before its address is forgotten. What the user shares or offers ends with
 * the devices (`releaseAllDevices`). Returns how many ended.
 */
export async function endSharesOfUser(
  trx: Database,
  { userId, now, requestId }: { userId: string; now: Date; requestId: string },
): Promise<number> {
  const email = await findVerifiedEmail(trx, userId);
  const shares = new ShareRepository(trx);
  const viewed = await shares.endOfViewer(userId, now);
  await cutViewersOff(trx, viewed, requestId);
  let ended = viewed.length;
  if (email !== undefined) {
    ended += (await shares.endOfAddress(email, now)).length;
    ended += (await new TransferRepository(trx).closeToAddress(email, now)).length;
  }
  if (ended > 0)
    await record(trx, {
      action: 'share.leave',
      actor: { kind: 'user', id: userId },
      subject: { kind: 'user', id: userId },
      outcome: 'ok',
      details: { ended, because: 'account_closed' },
      requestId,
    });
  return ended;
}
