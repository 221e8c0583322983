import type { ShareView, TransferView } from '@aovis/contracts/http/sharing';
import type { ListedShare } from './share-repository.ts';
import { maskEmail } from './sharing-rules.ts';
import type { ListedTransfer } from './transfer-repository.ts';

/** A share as the owner of its device sees it. */
export function toShareView(share: ListedShare): ShareView {
  const address = share.viewerEmail && maskEmail(share.viewerEmail);
  return {
    share_id: share.id,
    status: share.acceptedAt === undefined ? 'invited' : 'active',
    email: share.invitedEmail ?? null,
    viewer: share.viewerName ?? address ?? null,
    created_at: share.createdAt.toISOString(),
    invitation_expires_at: share.invitationExpiresAt.toISOString(),
    accepted_at: share.acceptedAt?.toISOString() ?? null,
    expires_at: share.expiresAt.toISOString(),
  };
}

/** An open offer as one of its sides sees it. */
export function toTransferView(transfer: ListedTransfer, userId: string): TransferView {
  return {
    device_id: transfer.deviceId,
    serial: transfer.serial,
    direction: transfer.ownerId === userId ? 'outgoing' : 'incoming',
    recipient_email: transfer.recipientEmail ?? '',
    created_at: transfer.createdAt.toISOString(),
    expires_at: transfer.expiresAt.toISOString(),
  };
}
