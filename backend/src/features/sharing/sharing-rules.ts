import type { ErrorCode } from '@aovis/contracts/error-codes';

const dayMs = 86_400_000;
/** How long an invitation or an offer can be accepted. */
export const invitationDays = 7;
/** Open invitations and viewers of a device together; `device_shares_ten_slots` in the database. */
export const sharesPerDevice = 10;

export interface ShareWindow {
  invitationExpiresAt: Date;
  /** End of the viewing, whenever it was accepted. */
  expiresAt: Date;
}

export function shareWindow(now: Date, days: number): ShareWindow {
  const after = (count: number): Date => new Date(now.getTime() + count * dayMs);
  return { invitationExpiresAt: after(Math.min(invitationDays, days)), expiresAt: after(days) };
}

export function offerEnd(now: Date): Date {
  return new Date(now.getTime() + invitationDays * dayMs);
}

/** The lowest place that is free; undefined when none is. */
export function freeSlot(taken: readonly number[]): number | undefined {
  const slots = Array.from({ length: sharesPerDevice }, (_, index) => index + 1);
  return slots.find((slot) => !taken.includes(slot));
}

/** An invitation to view or to take over, and who accepts it; all as the locked rows say. */
export interface AcceptanceFacts {
  /** Undefined for a token of ours that was never given out. */
  invitation:
    | {
        /** Neither accepted nor ended, and of the present ownership. */
        open: boolean;
        expiresAt: Date;
        /** Who accepted it, while that still holds. */
        acceptedBy: string | undefined;
        /** The address it was sent to; undefined when it is for whoever has the link. */
        email: string | undefined;
      }
    | undefined;
  ownerId: string | undefined;
  userId: string;
  /** Of the user; undefined when none is verified. */
  verifiedEmail: string | undefined;
  now: Date;
}

export type AcceptanceDecision = { kind: 'accept' | 'accepted_before' } | { kind: 'refuse'; code: ErrorCode };

/**
 * Decides an acceptance. Who accepted before and asks again, because an answer was lost, is told the same. Only who has
 * the token of an open invitation learns that it was sent to somebody else.
 */
export function decideAcceptance(facts: AcceptanceFacts): AcceptanceDecision {
  const { invitation, ownerId, userId, verifiedEmail, now } = facts;
  if (invitation?.acceptedBy === userId) return { kind: 'accepted_before' };
  if (!invitation?.open || now >= invitation.expiresAt) return refuse('invitation_not_found');
  if (ownerId === userId) return refuse('already_owner');
  if (invitation.email !== undefined && invitation.email !== verifiedEmail)
    return refuse('invitation_for_another_address');
  return { kind: 'accept' };
}

function refuse(code: ErrorCode): AcceptanceDecision {
  return { kind: 'refuse', code };
}

/** `m…@example.com`: enough for an owner to recognise somebody by. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@');
  return `${email.slice(0, 1)}…${email.slice(at)}`;
}
