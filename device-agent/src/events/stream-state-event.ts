import type { StreamStatus } from '../streaming/stream-uploader.ts';
import type { BoardEvents } from './board-events.ts';

/** Tells the cloud of each change of the stream's state, and why. */
export class StreamStateEvent {
  readonly #events: BoardEvents;
  #previous: StreamStatus['state'] = 'off';

  constructor(events: BoardEvents) {
    this.#events = events;
  }

  note({ state, lastError }: StreamStatus): void {
    if (state === this.#previous) return;
    const reason = lastError === undefined ? {} : { reason: lastError };
    this.#events.emit('stream_state', { state, previous: this.#previous, ...reason });
    this.#previous = state;
  }
}
