import type { Clock } from '../../host/clock.ts';
import type { Part } from '../../part.ts';
import type { StreamStatus } from '../../streaming/stream-uploader.ts';

export interface LivenessOptions {
  clock: Pick<Clock, 'monotonic'>;
  parts: () => readonly Part[];
  stream: () => Pick<StreamStatus, 'state' | 'last_persisted_at'>;
}

/** A stream that flows has a fragment confirmed every few seconds; when none is it gives up its connection much sooner. */
const persistedWithinMs = 10 * 60_000;

/**
 * Whether a new start of the program would help. A board without network, camera or rights has problems, too, but it must
 * not be started over and over for them: that would only lose what waits in memory.
 */
export class Liveness {
  readonly #options: LivenessOptions;
  #lastPersistedAt: number | undefined;
  #flowsSince: number | undefined;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  /** What has come to a standstill; undefined when nothing has. To be asked at least once a minute. */
  standstill(): string | undefined {
    try {
      for (const part of this.#options.parts()) {
        const { stuck, detail } = part.health();
        if (stuck === true) return `${part.name}: ${detail}`;
      }
      return this.#streamStandstill();
    } catch (error) {
      return `a part does not answer: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  #streamStandstill(): string | undefined {
    const { state, last_persisted_at: lastPersistedAt } = this.#options.stream();
    const now = this.#options.clock.monotonic();
    const flows = state === 'streaming' || state === 'degraded';
    if (!flows) this.#flowsSince = undefined;
    else if (this.#flowsSince === undefined || lastPersistedAt !== this.#lastPersistedAt)
      this.#flowsSince = now;
    this.#lastPersistedAt = lastPersistedAt;
    return this.#flowsSince !== undefined && now - this.#flowsSince > persistedWithinMs
      ? `streaming: the stream is ${state}, but nothing was confirmed for ${persistedWithinMs / 60_000} minutes`
      : undefined;
  }
}
