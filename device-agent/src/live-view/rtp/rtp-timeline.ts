/** Clock of H.264 in RTP (RFC 6184, section 8.2.1). */
const ticksPerMs = 90;
/** A wall clock that was set, or a camera that was away: the next picture simply follows the last. */
const longestGapMs = 10_000;
const ordinaryGapMs = 33;
const modulus = 2 ** 32;

/**
 * RTP times of one viewer's pictures: those of the capture while it is live, and as close together as they can be for
 * pictures that were kept, so that they are decoded at once and the last of them is seen. Never goes back.
 */
export class RtpTimeline {
  /** Unwrapped, so that it can be compared. */
  #last: number;
  #lastMs: number | undefined;
  /** Ticks of the millisecond 0. */
  #origin = 0;

  /** @param first Where it begins, 0 to 2³² - 1; not to be guessed (RFC 3550, section 5.1). */
  constructor(first: number) {
    this.#last = first;
  }

  /** For a picture captured at `ms` since the epoch. */
  live(ms: number): number {
    const gapMs = this.#lastMs === undefined ? Number.NaN : ms - this.#lastMs;
    if (!(gapMs >= -ordinaryGapMs && gapMs <= longestGapMs))
      this.#origin = this.#last + ordinaryGapMs * ticksPerMs - ms * ticksPerMs;
    this.#lastMs = ms;
    return this.#take(Math.round(this.#origin + ms * ticksPerMs));
  }

  /** For a picture that was kept and is sent ahead of the live ones. */
  kept(): number {
    return this.#take(this.#last + 1);
  }

  #take(ticks: number): number {
    this.#last = Math.max(ticks, this.#last + 1);
    return this.#last % modulus;
  }
}
