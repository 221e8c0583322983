/** Failed attempts under one key, e.g. one user's on one device, within the policy's window. */
export interface AttemptCount {
  failures: number;
  lastFailureAtMs: number;
}

export interface AttemptPolicy {
  /** Failures that cost nothing: people mistype. */
  free: number;
  /** Wait after the first failure beyond those; it doubles with each further one. */
  firstWaitMs: number;
  longestWaitMs: number;
  /** Older failures do not count. */
  windowMs: number;
}

const minute = 60_000;

/**
 * Who is counted. There is no count for a device alone: a stranger could fill it and lock the owner out. Strangers
 * guessing at one device from many accounts and addresses are held by the 80 bits of its code.
 */
export const attemptPolicies = {
  'device+user': { free: 5, firstWaitMs: 10_000, longestWaitMs: 15 * minute, windowMs: 1440 * minute },
  user: { free: 20, firstWaitMs: 30_000, longestWaitMs: 60 * minute, windowMs: 1440 * minute },
  // Carrier-grade NAT puts many customers behind one address.
  network: { free: 60, firstWaitMs: 30_000, longestWaitMs: 15 * minute, windowMs: 60 * minute },
} as const satisfies Record<string, AttemptPolicy>;
export type AttemptScope = keyof typeof attemptPolicies;

/** How long to wait until the next attempt; 0 when it may come now. */
export function waitMs(
  { failures, lastFailureAtMs }: AttemptCount,
  policy: AttemptPolicy,
  nowMs: number,
): number {
  if (failures <= policy.free) return 0;
  const doublings = Math.min(failures - policy.free - 1, 30);
  const wait = Math.min(policy.firstWaitMs * 2 ** doublings, policy.longestWaitMs);
  return Math.max(0, lastFailureAtMs + wait - nowMs);
}
