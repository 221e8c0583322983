import type { Clock } from '../clock.ts';
import { CloudFailure } from './iot-registry.ts';
import type { TokenBucket } from './token-bucket.ts';

export interface RetryRules {
  clock: Clock;
  /** From 0 (included) to 1 (excluded). */
  random: () => number;
  signal: AbortSignal;
  /** How long a service that answers nobody is waited for. */
  patienceMs: number;
}

const firstPauseMs = 200;
const longestPauseMs = 10_000;
/** One call that fails so often, while others are answered, will not get through. */
const mostSilences = 12;

/**
 * Calls to one service. A call is repeated while the service throttles it (for ever: the bucket slows down) or does
 * not answer (with full-jitter pauses); it is given up when nobody got an answer for `patienceMs`. Waiting for
 * a turn is not the service's absence, hence the clock runs from the first silence after the last answer to
 * anybody. Every other failure is the caller's.
 */
export class PacedCalls {
  readonly #rules: RetryRules;
  #silentSince: number | undefined;

  constructor(rules: RetryRules) {
    this.#rules = rules;
  }

  async call<T>(bucket: TokenBucket | undefined, send: () => Promise<T>): Promise<T> {
    const { clock, random, signal } = this.#rules;
    let silences = 0;
    for (let attempt = 0; ; attempt++) {
      await bucket?.take(signal);
      try {
        const answer = await send();
        this.#silentSince = undefined;
        return answer;
      } catch (error) {
        if (!(error instanceof CloudFailure)) throw error;
        if (error.kind === 'unavailable') this.#silence(error, ++silences);
        else this.#silentSince = undefined;
        if (error.kind === 'throttled') bucket?.throttled();
        else if (error.kind !== 'unavailable') throw error;
        signal.throwIfAborted();
        // A throttled call with a bucket only needs a new turn; the bucket has slowed down already.
        const doublings = error.kind === 'throttled' && bucket ? 0 : Math.min(attempt, 10);
        await clock.sleep(random() * Math.min(longestPauseMs, firstPauseMs * 2 ** doublings), signal);
      }
    }
  }

  #silence(error: CloudFailure, silences: number): void {
    const now = this.#rules.clock.now();
    this.#silentSince ??= now;
    if (now - this.#silentSince >= this.#rules.patienceMs || silences >= mostSilences) throw error;
  }
}
