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
  logger: Logger;
  onPersisted: () => void;
}

/** So often it asks what is stored before fragments are sent again without knowing. */
const maxFailedAsks = 3;

/**
 * Settles what a connection that broke has left open: after a reset it is unknown whether what had been sent is stored.
 * Asks, so that nothing is stored twice.
 */
export class Doubts {
  readonly #options: DoubtsOptions;
  #failedAsks = 0;

  constructor(options: DoubtsOptions) {
    this.#options = options;
  }

  /** Afterwards no fragment of the buffer is doubtful. Throws when there was no answer yet: ask again later. */
  async settle(signal: AbortSignal): Promise<void> {
    const { buffer, onPersisted } = this.#options;
    const doubtful = buffer.fragments.filter((fragment) => fragment.doubtful);
    if (doubtful.length === 0) return;
    const stored = await this.#askWhatIsStored(doubtful, signal);
    this.#failedAsks = 0;
    for (const fragment of doubtful) {
      fragment.doubtful = false;
      if (!stored.has(fragment.timecodeMs)) continue;
      buffer.remove(fragment);
      onPersisted();
    }
  }

  async #askWhatIsStored(doubtful: readonly Fragment[], signal: AbortSignal): Promise<ReadonlySet<number>> {
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
      return new Set();
    }
  }
}
