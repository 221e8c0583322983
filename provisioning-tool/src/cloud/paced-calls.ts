import type { Clock } from '../clock.ts';
import { CloudFailure } from './iot-registry.ts';
import type { TokenBucket } from './token-bucket.ts';

export interface RetryRules {
  clock: Clock;
  /** From 0 (included) to 1 (excluded). */
  random: () => number;
  signal: AbortSignal;
  /** How long one call is repeated while the cloud does not answer. */
  patienceMs: number;
}

const firstPauseMs = 200;
const longestPauseMs = 10_000;

/**
 * Repeats a call while the cloud throttles it (for ever: the bucket slows down) or does not answer (for
 * `patienceMs`, with full-jitter pauses). Every other failure is the caller's.
 */
export async function callPaced<T>(
  bucket: TokenBucket | undefined,
  rules: RetryRules,
  call: () => Promise<T>,
): Promise<T> {
  const started = rules.clock.now();
  for (let attempt = 0; ; attempt++) {
    await bucket?.take(rules.signal);
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof CloudFailure)) throw error;
      if (error.kind === 'throttled') bucket?.throttled();
      else if (error.kind !== 'unavailable' || rules.clock.now() - started >= rules.patienceMs) throw error;
      rules.signal.throwIfAborted();
      // A throttled call with a bucket only needs a new turn; the bucket has slowed down already.
      const doublings = error.kind === 'throttled' && bucket ? 0 : Math.min(attempt, 10);
      const ceiling = Math.min(longestPauseMs, firstPauseMs * 2 ** doublings);
      await rules.clock.sleep(rules.random() * ceiling, rules.signal);
    }
  }
}
