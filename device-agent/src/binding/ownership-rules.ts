import type { OwnershipState } from '@aovis/contracts/ownership';

/** What a word of the cloud means for what the board knew. */
export type OwnershipNews =
  | { kind: 'nothing' }
  /** It names an epoch that is over: a board never goes back. */
  | { kind: 'outdated' }
  /** A share has ended. */
  | { kind: 'viewers' }
  | { kind: 'change'; wipe: boolean; firstWord: boolean };

/**
 * Decides what is to be done. What the board holds is wiped when it belonged to an owner who is not there any more: the
 * one it knew, or one in an epoch that it slept through. A board that was never told has nothing that it could tell apart.
 */
export function judgeOwnership(known: OwnershipState | undefined, told: OwnershipState): OwnershipNews {
  if (known === undefined) return { kind: 'change', wipe: false, firstWord: true };
  if (told.epoch < known.epoch) return { kind: 'outdated' };
  if (told.epoch === known.epoch && told.owned === known.owned)
    return { kind: (told.viewers_since ?? 0) > (known.viewers_since ?? 0) ? 'viewers' : 'nothing' };
  const wipe = told.epoch > known.epoch && (known.owned || told.epoch > known.epoch + 1);
  return { kind: 'change', wipe, firstWord: false };
}
