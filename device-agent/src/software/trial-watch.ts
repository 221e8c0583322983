import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { Part, PartHealth } from '../part.ts';
import type { RunningSoftware } from './running-software.ts';
import type { SoftwareStore } from './software-store.ts';

const lookEveryMs = 5_000;
/** So long all has to be well without a break. */
export const wellForMs = 30_000;
/** And that within so long, the connection over a bad uplink included. */
export const wellWithinMs = 10 * 60_000;

export interface TrialWatchOptions {
  store: SoftwareStore;
  software: RunningSoftware | undefined;
  clock: Clock;
  logger: Logger;
  /** Names of the parts that are not well now. Those that this release does not have any more are not asked for. */
  unwellParts: () => string[];
  /** Ends the agent so that it is started anew. */
  restart: () => void;
}

/** Decides over a release on trial, from within it: it counts once all that was well before it is well again, or it goes. */
export class TrialWatch implements Part {
  readonly name = 'software';
  readonly #options: TrialWatchOptions;
  #started = false;
  #stopped = false;
  #failure: string | undefined;
  #cancel: () => void = () => {};
  #deciding: Promise<void> = Promise.resolve();
  readonly #confirmed: (() => void)[] = [];

  constructor(options: TrialWatchOptions) {
    this.#options = options;
  }

  async start(_signal: AbortSignal): Promise<void> {
    if (this.#started || this.#options.software?.onTrial !== true) return;
    this.#started = true;
    const { trial } = await this.#options.store.read();
    if (trial !== undefined) this.#look(trial.well, { deadline: this.#monotonic + wellWithinMs });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#deciding;
  }

  health(): PartHealth {
    const { software } = this.#options;
    if (software === undefined) return { ok: true, detail: 'the installed program' };
    const release = `release ${software.version} in slot ${software.slot}`;
    return {
      ok: true,
      detail: this.#failure === undefined ? release : `${release}, on trial: ${this.#failure}`,
    };
  }

  /** Calls `listener` when the release counts. */
  onConfirmed(listener: () => void): void {
    this.#confirmed.push(listener);
  }

  get #monotonic(): number {
    return this.#options.clock.monotonic();
  }

  #look(
    expected: readonly string[],
    { deadline, wellSince }: { deadline: number; wellSince?: number },
  ): void {
    const unwell = new Set(this.#options.unwellParts());
    const missing = expected.filter((name) => unwell.has(name));
    this.#failure = missing.length === 0 ? 'all is well so far' : `not well: ${missing.join(', ')}`;
    const now = this.#monotonic;
    const since = missing.length > 0 ? undefined : (wellSince ?? now);
    if (since !== undefined && now - since >= wellForMs) this.#decide(this.#confirm());
    else if (now >= deadline) this.#decide(this.#giveUp(this.#failure));
    else
      this.#cancel = this.#options.clock.after(lookEveryMs, () =>
        this.#look(expected, { deadline, ...(since === undefined ? {} : { wellSince: since }) }),
      );
  }

  #decide(decision: Promise<void>): void {
    this.#deciding = decision.catch((error: unknown) => {
      // The next start counts: it is given up if this goes on.
      this.#options.logger.error({ err: error }, 'What became of a release cannot be kept on disk.');
    });
  }

  async #confirm(): Promise<void> {
    const { store, logger, software } = this.#options;
    await store.confirm();
    this.#failure = undefined;
    logger.info({ version: software?.version }, 'The release works: it is the agent from now on.');
    for (const listener of this.#confirmed) listener();
  }

  async #giveUp(reason: string): Promise<void> {
    const { store, logger, software, restart } = this.#options;
    await store.rollBack(`Within ${wellWithinMs / 60_000} min: ${reason}.`);
    logger.error(
      { version: software?.version },
      `The release does not work (${reason}): the former agent is started.`,
    );
    if (!this.#stopped) restart();
  }
}
