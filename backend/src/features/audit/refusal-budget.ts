import type { Clock } from '../../kernel/clock.ts';

const burst = 60;
const perSecond = 1;

/**
 * How many refusals of strangers one process writes into the audit log: the log only grows, all its writers take
 * turns, and who needs no credentials for a row could fill it. What is left out is counted in the next row.
 */
export class RefusalBudget {
  readonly #clock: Clock;
  #left = burst;
  #countedAtMs: number;
  #leftOut = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#countedAtMs = clock.now().getTime();
  }

  /** Undefined when this refusal is not to be recorded; else what its row says about those that were not. */
  take(): { not_recorded_before?: number } | undefined {
    const nowMs = this.#clock.now().getTime();
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#countedAtMs) / 1_000) * perSecond);
    this.#countedAtMs = nowMs;
    if (this.#left < 1) {
      this.#leftOut += 1;
      return undefined;
    }
    this.#left -= 1;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut === 0 ? {} : { not_recorded_before: leftOut };
  }
}
