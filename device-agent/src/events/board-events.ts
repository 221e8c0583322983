import { type BoardEvent, boardEventSchema } from '@aovis/contracts/events';
import { eventTopic } from '@aovis/contracts/topics';
import type { Clock } from '../host/clock.ts';
import type { PublishOutcome, QueuedMessage } from '../queue/queued-message.ts';

export interface BoardEventsOptions {
  thing: string;
  clock: Pick<Clock, 'now'>;
  newUlid: () => string;
  publish: (message: QueuedMessage) => Promise<PublishOutcome>;
  /** Told of each event. */
  onEvent?: (event: BoardEvent) => void;
}

export interface RecordedEvent {
  id: string;
  outcome: Promise<PublishOutcome>;
}

/** Gives each event its id, time and number, and hands it to the outbound queue. Numbers start over with the agent. */
export class BoardEvents {
  readonly #options: BoardEventsOptions;
  #seq = 0;

  constructor(options: BoardEventsOptions) {
    this.#options = options;
  }

  /** As `record`, for those who do not wait. */
  emit(type: BoardEvent['type'], data: BoardEvent['data']): void {
    void this.record(type, data).outcome;
  }

  /** Answers the event's id, and what becomes of the event; that never rejects. */
  record(type: BoardEvent['type'], data: BoardEvent['data']): RecordedEvent {
    const { thing, clock, newUlid, publish, onEvent } = this.#options;
    const event = boardEventSchema.parse({
      event_id: newUlid(),
      type,
      occurred_at: clock.now(),
      seq: this.#seq++,
      data,
    });
    const outcome = publish({ class: 'event', topic: eventTopic(thing), payload: JSON.stringify(event) });
    onEvent?.(event);
    return { id: event.event_id, outcome };
  }
}
