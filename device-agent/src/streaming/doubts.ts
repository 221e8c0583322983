import { sleep } from '../camera/sleep.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import { failureOf } from './failure.ts';
import type { Fragment } from './fragment.ts';
import type { FragmentBuffer } from './fragment-buffer.ts';
import { unreachable } from './service-call.ts';
import type { ProducerTimeRange } from './stored-fragments.ts';

export interface DoubtsOptions {
  buffer: FragmentBuffer;
  /** Where `findStored` asks. Needs the network, as everything does, but for answers it has had lately. */
  findArchive: (signal: AbortSignal) => Promise<URL>;
  /** Which of the fragments in a range of producer times the service has stored. */
  findStored: (endpoint: URL, range: ProducerTimeRange, signal: AbortSignal) => Promise<ReadonlySet<number>>;
  clock: Clock;
  logger: Logger;
  onPersisted: () => void;
}

/** So often it asks what is stored before fragments are sent again without knowing. */
const maxFailedAsks = 3;
/**
 * That a fragment is not stored is believed so long after its connection was lost: what was under way arrives yet, the
 * service writes it, and ListFragments learns of it up to a second later.
 */
const believeMs = 2_000;

/**
 * Settles what a connection that broke has left open: after a reset it is unknown whether what had been sent is stored.
 * Asks, so that nothing is stored twice.
 */
export class Doubts {
  readonly #options: DoubtsOptions;
  #failedAsks = 0;
  #lostAt: number;

  constructor(options: DoubtsOptions) {
    this.#options = options;
    // An earlier run may have lost its connection just now.
    this.#lostAt = options.clock.monotonic();
  }

  /** A connection has ended with something left open. */
  noteLoss(): void {
    this.#lostAt = this.#options.clock.monotonic();
  }

  /**
   * Afterwards no fragment of the buffer is doubtful, but where `signal` was aborted. Throws when there was no answer yet:
   * ask again later.
   */
  async settle(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      const doubtful = this.#options.buffer.fragments.filter((fragment) => fragment.doubtful);
      if (doubtful.length === 0) return;
      const askedAt = clock.monotonic();
      const stored = await this.#askWhatIsStored(doubtful, signal);
      this.#failedAsks = 0;
      this.#clear(doubtful, stored ?? new Set());
      const believedAt = this.#lostAt + believeMs;
      if (stored === undefined || askedAt >= believedAt) {
        for (const fragment of doubtful) fragment.doubtful = false;
        return;
      }
      await sleep(clock, Math.max(0, believedAt - clock.monotonic()), signal);
      if (signal.aborted) return;
    }
  }

  /** Those that are stored are done with. */
  #clear(doubtful: readonly Fragment[], stored: ReadonlySet<number>): void {
    for (const fragment of doubtful.filter(({ timecodeMs }) => stored.has(timecodeMs))) {
      fragment.doubtful = false;
      this.#options.buffer.remove(fragment);
      this.#options.onPersisted();
    }
  }

  /** Undefined: there is no knowing. */
  async #askWhatIsStored(
    doubtful: readonly Fragment[],
    signal: AbortSignal,
  ): Promise<ReadonlySet<number> | undefined> {
    const { findArchive, findStored, logger } = this.#options;
    const times = doubtful.map(({ timecodeMs }) => timecodeMs);
    const range = { fromMs: Math.min(...times), toMs: Math.max(...times) };
    let reached = false;
    try {
      const endpoint = await findArchive(signal);
      reached = true;
      return await findStored(endpoint, range, signal);
    } catch (error) {
      const [{ decision, name }, message] = failureOf(error);
      // Without a network nothing can be sent either: that is no answer, however often.
      const isAnswer = reached || name !== unreachable.name;
      // Better twice than never: whoever is not allowed to ask, or gets no answer, sends again.
      if (decision !== 'stop' && (!isAnswer || ++this.#failedAsks < maxFailedAsks)) throw error;
      logger.warn(`${message} What the service may have stored already is sent again, perhaps twice.`);
      return undefined;
    }
  }
}
