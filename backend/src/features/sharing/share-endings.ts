import type { Database } from '../../db/database.ts';
import { record } from '../audit/audit-log.ts';
import { ShareRepository } from './share-repository.ts';
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
  const ended = await shares.endOfViewer(userId, now);
  if (email !== undefined) {
    ended.push(...(await shares.endOfAddress(email, now)));
    ended.push(...(await new TransferRepository(trx).closeToAddress(email, now)));
  }
  if (ended.length > 0)
    await record(trx, {
      action: 'share.leave',
      actor: { kind: 'user', id: userId },
      subject: { kind: 'user', id: userId },
      outcome: 'ok',
      details: { ended: ended.length, because: 'account_closed' },
      requestId,
    });
  return ended.length;
}
