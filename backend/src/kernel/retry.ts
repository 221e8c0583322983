import { setTimeout as wait } from 'node:timers/promises';

export interface BackoffPolicy {
  firstMs: number;
  /** No pause is longer. */
  capMs: number;
}

/** Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): anything up to first · 2^(attempt−1), capped. */
export function backoffMs(
  attempt: number,
  policy: BackoffPolicy,
  random: () => number = Math.random,
): number {
  const ceiling = Math.min(policy.capMs, policy.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(ceiling * random());
}

/** Longer than `ownMs` when the error says when a repetition may succeed. */
export function pauseMs(error: unknown, ownMs: number): number {
  const asked = (error as { retryAfterMs?: unknown } | null)?.retryAfterMs;
  return typeof asked === 'number' ? Math.max(asked, ownMs) : ownMs;
}

export interface RetryOptions extends BackoffPolicy {
  attempts: number;
  isPassing: (error: unknown) => boolean;
  signal?: AbortSignal;
  random?: () => number;
}

/** Runs `work` until it succeeds, fails for good, or the attempts are used up; then the last error is thrown. */
export async function retry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    options.signal?.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      if (attempt >= options.attempts || !options.isPassing(error)) throw error;
      const ms = pauseMs(error, backoffMs(attempt, options, options.random));
      await wait(ms, undefined, options.signal && { signal: options.signal });
    }
  }
}
