import { type BoardEvent, boardEventSchema } from '@aovis/contracts/events';
import { eventTopic } from '@aovis/contracts/topics';
import type { Clock } from '../host/clock.ts';
import type { QueuedMessage } from '../queue/queued-message.ts';

export interface BoardEventsOptions {
  thing: string;
  clock: Pick<Clock, 'now'>;
  newUlid: () => string;
  publish: (message: QueuedMessage) => void;
  /** Told of each event. */
  onEvent?: (event: BoardEvent) => void;
}

/** Gives each event its id, time and number, and hands it to the outbound queue. Numbers start over with the agent. */
export class BoardEvents {
  readonly #options: BoardEventsOptions;
  #seq = 0;

  constructor(options: BoardEventsOptions) {
    this.#options = options;
  }

  emit(type: BoardEvent['type'], data: BoardEvent['data']): void {
    const { thing, clock, newUlid, publish, onEvent } = this.#options;
    const event = boardEventSchema.parse({
      event_id: newUlid(),
      type,
      occurred_at: clock.now(),
      seq: this.#seq++,
      data,
    });
    publish({ class: 'event', topic: eventTopic(thing), payload: JSON.stringify(event) });
    onEvent?.(event);
  }
}
