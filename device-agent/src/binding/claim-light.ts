import { type Program, runProgram } from '../commands/run-program.ts';
import type { Logger } from '../host/logger.ts';
import type { Part, PartHealth } from '../part.ts';

export interface ClaimLightOptions {
  /** Run with `AOVIS_CLAIMABLE` `yes` or `no`. Absent: log and status alone say so. */
  program: Program | undefined;
  claimable: () => boolean;
  logger: Logger;
}

const switchWithinMs = 5_000;

/**
 * Tells who stands before the board whether it can be claimed, by a light say: at the start, at every change, and at the end
 * that it cannot. One run after the other; what changed meanwhile is shown by the next.
 */
export class ClaimLight implements Part {
  readonly name = 'claim light';
  readonly #options: ClaimLightOptions;
  #shown: boolean | undefined;
  #started = false;
  #switching: Promise<void> | undefined;

  constructor(options: ClaimLightOptions) {
    this.#options = options;
  }

  /** After the keeper, which knows what is to be shown. */
  start(signal: AbortSignal): Promise<void> {
    if (!signal.aborted) this.#started = true;
    this.show();
    return Promise.resolve();
  }

  /** Off: a board whose agent does not run confirms nothing. */
  async stop(): Promise<void> {
    if (!this.#started) return;
    this.#started = false;
    this.#begin();
    await this.#switching;
  }

  health(): PartHealth {
    const detail = this.#shown === undefined ? 'has no light' : this.#shown ? 'on' : 'off';
    return { ok: true, detail };
  }

  /** To be called when it may have changed. */
  show(): void {
    if (this.#started) this.#begin();
  }

  #begin(): void {
    const { program } = this.#options;
    if (program === undefined) return;
    this.#switching ??= this.#switch(program).finally(() => {
      this.#switching = undefined;
    });
  }

  async #switch(program: Program): Promise<void> {
    const { claimable, logger } = this.#options;
    for (;;) {
      const wanted = this.#started && claimable();
      if (wanted === this.#shown) return;
      this.#shown = wanted;
      const env = { AOVIS_CLAIMABLE: wanted ? 'yes' : 'no' };
      const never = new AbortController().signal;
      const ended = await runProgram(program, { env, timeoutMs: switchWithinMs, signal: never });
      if (ended !== undefined)
        logger.warn(`The program that shows whether this board can be claimed ${ended}.`);
    }
  }
}
