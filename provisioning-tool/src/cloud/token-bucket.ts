import type { Clock } from '../clock.ts';

/** After a throttle the rate falls to this part of itself, then comes back along a cubic (RFC 9438 §4). */
const decrease = 0.7;
/** RFC 9438's C, for rates in calls a second. */
const growth = 0.4;
/** Throttles within this time are answers to calls sent at one and the same rate. */
const settleMs = 500;
const lowestRate = 0.5;
/** How long an idle bucket saves up: enough to make good a late timer, too little to look like a burst. */
const savedSeconds = 0.5;

interface Waiting {
  resolve: () => void;
  reject: (reason: unknown) => void;
  signal: AbortSignal | undefined;
}

/**
 * Lets at most `quota` calls a second through, in the order they came, spaced evenly. When the cloud throttles
 * all the same (a lower quota, or another user of it), the rate drops and feels its way back.
 */
export class TokenBucket {
  readonly quota: number;
  readonly #clock: Clock;
  #tokens: number;
  #refilledAt: number;
  #waiting: Waiting[] = [];
  #pumping = false;
  #throttle: { at: number; rate: number } | undefined;

  constructor(quota: number, clock: Clock) {
    this.quota = quota;
    this.#clock = clock;
    this.#tokens = this.#capacity;
    this.#refilledAt = clock.now();
  }

  /** Calls a second right now. */
  get rate(): number {
    if (!this.#throttle) return this.quota;
    const { at, rate } = this.#throttle;
    const back = Math.cbrt((rate * (1 - decrease)) / growth);
    const seconds = (this.#clock.now() - at) / 1000;
    return Math.min(this.quota, Math.max(lowestRate, growth * (seconds - back) ** 3 + rate));
  }

  /** Resolves when the next call may go out. */
  take(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject, signal });
      if (!this.#pumping) void this.#pump();
    });
  }

  /** The cloud said it was too fast. */
  throttled(): void {
    const now = this.#clock.now();
    if (this.#throttle && now - this.#throttle.at < settleMs) return;
    this.#refill();
    this.#throttle = { at: now, rate: this.rate };
    this.#tokens = Math.min(this.#tokens, 0);
  }

  get #capacity(): number {
    return Math.max(1, this.quota * savedSeconds);
  }

  #refill(): void {
    const now = this.#clock.now();
    const seconds = Math.max(0, now - this.#refilledAt) / 1000;
    this.#tokens = Math.min(this.#capacity, this.#tokens + seconds * this.rate);
    this.#refilledAt = now;
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    while (this.#waiting.length > 0) {
      this.#refill();
      // A hair less than one, lest rounding make it sleep for nothing.
      if (this.#tokens < 0.999_999) {
        await this.#clock.sleep(Math.max(1, ((1 - this.#tokens) / this.rate) * 1000));
        continue;
      }
      const next = this.#waiting.shift() as Waiting;
      if (next.signal?.aborted) {
        next.reject(next.signal.reason);
        continue;
      }
      this.#tokens -= 1;
      next.resolve();
    }
    this.#pumping = false;
  }
}
