import type { FragmentTag } from './mkv-writer.ts';

/** What a board noticed, as far as the pictures of it are told. */
export interface RecordedEvent {
  /** Id under which the cloud knows the event. */
  id: string;
  /** `motion` or `alarm`. */
  type: string;
}

/** A tag's value has at most 256 bytes (Developer Guide, "Limits"): 9 ids of 26 letters with commas between them. */
const maxEventsNamed = 9;

/**
 * The time around events in which pictures are wanted: each event begins it or makes it longer. Times are monotonic
 * milliseconds.
 */
export class EventWindow {
  #events: RecordedEvent[] = [];
  #until = Number.NEGATIVE_INFINITY;

  /** An event at `now`: pictures are wanted for `forMs` more. */
  open(now: number, forMs: number, event?: RecordedEvent): void {
    if (!this.isOpen(now)) this.#events = [];
    if (event !== undefined && !this.#events.some(({ id }) => id === event.id)) this.#events.push(event);
    this.#until = Math.max(this.#until, now + forMs);
  }

  isOpen(now: number): boolean {
    return now < this.#until;
  }

  /** Tags of a fragment that begins at `now`: which events it shows, the latest of them, and of which kinds they are. */
  tagsAt(now: number): readonly FragmentTag[] {
    const shown = this.isOpen(now) ? this.#events.slice(-maxEventsNamed) : [];
    if (shown.length === 0) return [];
    const types = new Set(shown.map(({ type }) => type));
    return [
      { name: 'event_id', value: shown.map(({ id }) => id).join(',') },
      { name: 'event_type', value: [...types].join(',') },
    ];
  }
}
