export interface BackoffOptions {
  /** Upper bound of the first wait, in milliseconds. */
  baseMs: number;
  /** Upper bound of every wait, in milliseconds. */
  capMs: number;
  /** Uniform in [0, 1). */
  random: () => number;
}

/**
 * Exponential back-off with full jitter: wait n is uniform in [0, min(cap, base · 2ⁿ)]. Boards that lost the cloud at
 * the same moment come back spread out ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015; ETSI EN 303 645
 * 5.9-3).
 */
export class Backoff {
  readonly #options: BackoffOptions;
  #attempt = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  next(): number {
    const { baseMs, capMs, random } = this.#options;
    const ceiling = Math.min(capMs, baseMs * 2 ** this.#attempt);
    // 2 ** 32 times any base is above any cap: no need to count further.
    this.#attempt = Math.min(this.#attempt + 1, 32);
    return Math.round(random() * ceiling);
  }

  reset(): void {
    this.#attempt = 0;
  }
}
