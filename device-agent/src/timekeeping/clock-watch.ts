import { rm } from 'node:fs/promises';
import { writeFileAtomically } from '../host/atomic-file.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { Part, PartHealth } from '../part.ts';
import type { Validity } from './clock-sanity.ts';
import { type ClockVerdict, judgeClock } from './clock-verdict.ts';
import { type AskTheTime, TimeUnknown } from './time-answer.ts';

/** How often the wall clock is held against the monotonic one. */
const lookEveryMs = 5_000;
/** A wall clock that moves so much against the monotonic one has been set, not slewed. */
const stepMs = 2_000;
/** A clock that was right stays so until it is set, which is noticed; so long no failure brings another question. */
const calmMs = 3_600_000;
/** Until the next question while the clock is wrong or nobody answers: longer each time. */
const retryMs = { first: 10_000, cap: 10 * 60_000 };

export interface ClockWatchOptions {
  clock: Clock;
  logger: Logger;
  ask: AskTheTime;
  /** Of the board's certificate, at the moment. */
  validity: () => Validity;
  /** When this agent was built, milliseconds since the epoch. */
  builtAt: number;
  /** The file that tells who may set the clock that it is wrong: each time it is written the question is asked there again. */
  doubtPath: string;
  /** The clock was wrong and is right again: what waits for the next attempt need not wait. */
  onRight: () => void;
}

/**
 * While the agent runs: when something says that the clock may be wrong (it was set by a great deal, a certificate is not valid
 * at its time), asks the cloud for the time, and says in log and `status` what is wrong. It cannot set the clock itself.
 */
export class ClockWatch implements Part {
  readonly name = 'clock';
  readonly #options: ClockWatchOptions;
  #stopping: AbortController | undefined;
  #offsetMs = 0;
  #cancelLook: () => void = () => {};
  #cancelRetry: (() => void) | undefined;
  #asking: Promise<void> | undefined;
  #askAgain = false;
  #rightAt = Number.NEGATIVE_INFINITY;
  #retryInMs = retryMs.first;
  #problem: string | undefined;

  constructor(options: ClockWatchOptions) {
    this.#options = options;
  }

  async start(_signal: AbortSignal): Promise<void> {
    if (this.#stopping !== undefined) return;
    this.#stopping = new AbortController();
    this.#offsetMs = this.#offset();
    this.#scheduleLook();
  }

  async stop(): Promise<void> {
    this.#stopping?.abort();
    this.#stopping = undefined;
    this.#cancelLook();
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    await this.#asking;
  }

  health(): PartHealth {
    if (this.#problem !== undefined) return { ok: false, detail: this.#problem };
    return { ok: true, detail: 'nothing says that the clock is wrong' };
  }

  /** Something failed as it does when the clock is wrong. */
  doubt(): void {
    // Asked already, or to be asked again in a while.
    if (this.#stopping === undefined || this.#asking !== undefined || this.#cancelRetry !== undefined) return;
    if (this.#options.clock.monotonic() - this.#rightAt < calmMs) return;
    this.#ask();
  }

  #offset(): number {
    const { clock } = this.#options;
    return clock.now() - clock.monotonic();
  }

  #scheduleLook(): void {
    this.#cancelLook = this.#options.clock.after(lookEveryMs, () => {
      const offsetMs = this.#offset();
      const step = Math.abs(offsetMs - this.#offsetMs);
      this.#offsetMs = offsetMs;
      // Whatever was known of the clock was known of another one.
      if (step >= stepMs) this.#ask();
      this.#scheduleLook();
    });
  }

  #ask(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    if (this.#asking !== undefined) {
      this.#askAgain = true;
      return;
    }
    this.#asking = this.#question().finally(() => {
      this.#asking = undefined;
      if (!this.#askAgain || this.#stopping === undefined) return;
      this.#askAgain = false;
      this.#ask();
    });
  }

  async #question(): Promise<void> {
    const { clock, ask, validity, builtAt, logger } = this.#options;
    const signal = this.#stopping?.signal;
    try {
      const answer = await ask(signal);
      const at = { now: clock.now(), monotonic: clock.monotonic() };
      if (signal?.aborted !== false) return;
      await this.#conclude(judgeClock({ ...at, answer, validity: validity(), builtAt }));
    } catch (error) {
      if (signal?.aborted !== false) return;
      // No network is no fault of the clock; what is known of it stays.
      if (error instanceof TimeUnknown) logger.debug(error.message);
      else logger.error({ err: error }, 'The clock could not be held against the cloud’s.');
      this.#retry();
    }
  }

  async #conclude(verdict: ClockVerdict): Promise<void> {
    const { clock, logger, onRight } = this.#options;
    if (verdict.kind === 'right') {
      this.#rightAt = clock.monotonic();
      this.#retryInMs = retryMs.first;
      await this.#forgetDoubt();
      if (this.#problem === undefined) return;
      this.#problem = undefined;
      logger.info('The clock is right again.');
      onRight();
      return;
    }
    if (this.#problem !== verdict.sentence) logger.error(verdict.sentence);
    this.#problem = verdict.sentence;
    if (verdict.kind === 'wrong' && verdict.settable) await this.#tellDoubt(verdict.sentence);
    this.#retry();
  }

  #retry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = this.#options.clock.after(this.#retryInMs, () => this.#ask());
    this.#retryInMs = Math.min(retryMs.cap, this.#retryInMs * 2);
  }

  async #tellDoubt(sentence: string): Promise<void> {
    const { doubtPath, logger } = this.#options;
    await writeFileAtomically(doubtPath, `${sentence}\n`).catch((error: unknown) =>
      logger.debug({ err: error }, 'The state directory does not take the word that the clock is wrong.'),
    );
  }

  async #forgetDoubt(): Promise<void> {
    await rm(this.#options.doubtPath, { force: true }).catch(() => {});
  }
}
