import { type LiveInvitation, readLiveClientId } from '@aovis/contracts/live-view';
import type { OwnershipState } from '@aovis/contracts/ownership';

/**
 * The invitation of a viewer where it counts, as the board stands with owners now: it is of the present ownership and, for
 * guests, was given after the last share ended, for all after the last plan that was taken back. An ownership that the board has not heard of yet is the backend's word,
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
  const { viewers_since: guestsSince = 0, live_since: allSince = 0 } = ownership;
  const since = invitation.role === 'viewer' ? Math.max(guestsSince, allSince) : allSince;
  const over = invitation.issuedAt < since;
  return over ? undefined : invitation;
}
