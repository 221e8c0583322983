import { type LiveInvitation, readLiveClientId } from '@aovis/contracts/live-view';
import type { OwnershipState } from '@aovis/contracts/ownership';

/**
 * The invitation of a viewer where it counts, as the board stands with owners now: it is of the present ownership and, for
 * guests, was given after the last share ended. An ownership that the board has not heard of yet is the backend's word,
 * which is ahead of the shadow. A board that was never told whose it is shows nobody anything.
 */
export function invitationOf(
  clientId: string,
  ownership: OwnershipState | undefined,
): LiveInvitation | undefined {
  const invitation = readLiveClientId(clientId);
  if (invitation === undefined || ownership === undefined) return undefined;
  if (invitation.epoch > ownership.epoch) return invitation;
  if (invitation.epoch < ownership.epoch || !ownership.owned) return undefined;
  const over = invitation.role === 'viewer' && invitation.issuedAt < (ownership.viewers_since ?? 0);
  return over ? undefined : invitation;
}
