import type { RefreshToken, Session } from './session-repository.ts';

/** An answer that got lost on the way is asked for again within seconds; a thief comes later. */
export const graceMs = 10_000;

export type RefreshDecision =
  /** The current token: replace it. */
  | 'rotate'
  /** The one just replaced, and its successor was not used yet: give the same successor again. */
  | 'repeat'
  /** An old token: somebody has a copy. The whole family ends. */
  | 'reuse'
  /** The session is over. */
  | 'refuse';

/** What presenting `token` means, given the newest of its family. */
export function decideRefresh(
  session: Session,
  token: RefreshToken,
  current: RefreshToken,
  now: Date,
): RefreshDecision {
  if (session.revokedAt !== undefined || session.expiresAt <= now || !session.userActive) return 'refuse';
  if (token.rotatedAt === undefined) return 'rotate';
  const isPredecessor = token.generation === current.generation - 1;
  const inGrace = now.getTime() - token.rotatedAt.getTime() <= graceMs;
  return isPredecessor && inGrace ? 'repeat' : 'reuse';
}
