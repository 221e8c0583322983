import type { MessageClass, PublishOutcome, QueuedMessage } from './queued-message.ts';
import type { Place } from './segment-log.ts';

/** A message that waits to be sent. */
export interface QueueEntry {
  readonly class: MessageClass;
  /** What it takes on the disk. */
  readonly bytes: number;
  /** Position in the order of sending. */
  readonly order: number;
  /** Its number on the disk, once it has one. */
  seq: number | undefined;
  /** Itself, until it is on the disk. */
  message: QueuedMessage | undefined;
  place: Place | undefined;
  /** Sent, dropped or wiped. */
  gone: boolean;
  readonly settle: (outcome: PublishOutcome) => void;
}

/** First in, first out; entries that are gone are passed over. */
class Line {
  #entries: QueueEntry[] = [];
  #first = 0;

  push(entry: QueueEntry): void {
    this.#entries.push(entry);
  }

  prepend(entries: readonly QueueEntry[]): void {
    this.#entries = [...entries, ...this.#entries.slice(this.#first)];
    this.#first = 0;
  }

  head(): QueueEntry | undefined {
    while (this.#entries[this.#first]?.gone === true) this.#first += 1;
    if (this.#first > 1_000 && this.#first * 2 > this.#entries.length) this.prepend([]);
    return this.#entries[this.#first];
  }

  *[Symbol.iterator](): Generator<QueueEntry> {
    for (let i = this.#first; i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (entry?.gone === false) yield entry;
    }
  }
}

/** All messages that wait, in order, and what they take together. */
export class Backlog {
  readonly #lines: Record<MessageClass, Line> = { event: new Line(), telemetry: new Line() };
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The one to send next. */
  head(): QueueEntry | undefined {
    const event = this.#lines.event.head();
    const telemetry = this.#lines.telemetry.head();
    if (event === undefined || telemetry === undefined) return event ?? telemetry;
    return event.order < telemetry.order ? event : telemetry;
  }

  /** The one to drop first: the oldest telemetry, then the oldest event. */
  leastWanted(): QueueEntry | undefined {
    return this.#lines.telemetry.head() ?? this.#lines.event.head();
  }

  add(entry: QueueEntry): void {
    this.#lines[entry.class].push(entry);
    this.#count += 1;
    this.#bytes += entry.bytes;
  }

  /** Puts older ones, in order, before all others. */
  prepend(entries: readonly QueueEntry[]): void {
    for (const name of ['event', 'telemetry'] as const)
      this.#lines[name].prepend(entries.filter((entry) => entry.class === name));
    this.#count += entries.length;
    for (const { bytes } of entries) this.#bytes += bytes;
  }

  remove(entry: QueueEntry): void {
    entry.gone = true;
    this.#count -= 1;
    this.#bytes -= entry.bytes;
  }

  /** In no certain order. */
  *[Symbol.iterator](): Generator<QueueEntry> {
    yield* this.#lines.event;
    yield* this.#lines.telemetry;
  }
}
