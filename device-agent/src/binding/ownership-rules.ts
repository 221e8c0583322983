import type { OwnershipState } from '@aovis/contracts/ownership';

/** What a word of the cloud means for what the board knew. */
export type OwnershipNews =
  | { kind: 'nothing' }
  /** It names an epoch that is over: a board never goes back. */
  | { kind: 'outdated' }
  /** Somebody may look on no longer: a share has ended, or a plan before its time. */
  | { kind: 'viewers' }
  | { kind: 'change'; wipe: boolean; firstWord: boolean };

/**
 * Decides what is to be done. What the board holds is wiped when it belonged to an owner who is not there any more: the
 * one it knew, or one in an epoch that it slept through. A board that was never told has nothing that it could tell apart.
 */
export function judgeOwnership(known: OwnershipState | undefined, told: OwnershipState): OwnershipNews {
  const isLater = (since: 'viewers_since' | 'live_since'): boolean =>
    (told[since] ?? 0) > (known?.[since] ?? 0);
  if (known === undefined) return { kind: 'change', wipe: false, firstWord: true };
  if (told.epoch < known.epoch) return { kind: 'outdated' };
  if (told.epoch === known.epoch && told.owned === known.owned)
    return { kind: isLater('viewers_since') || isLater('live_since') ? 'viewers' : 'nothing' };
  const wipe = told.epoch > known.epoch && (known.owned || told.epoch > known.epoch + 1);
  return { kind: 'change', wipe, firstWord: false };
}
