import { EventEmitter, once } from 'node:events';
import type { Clock } from '../kernel/clock.ts';
import type { Store, Table } from '../kernel/store.ts';

/** A sink, not an archive: the oldest goes when there are more. */
const mostMessages = 1000;

export interface Message {
  /** Grows with each message, zero-padded, so that `after` can be compared as text. */
  id: string;
  /** ISO 8601. */
  receivedAt: string;
  /** Envelope sender and recipients, lower case. */
  from: string;
  to: string[];
  subject: string;
  text: string;
  html: string;
  headers: { name: string; value: string }[];
  attachments: { filename: string; mimeType: string; bytes: number }[];
}

/** Everything that was mailed, newest last, kept over restarts. */
export class Mailbox {
  readonly #messages: Table<Message>;
  readonly #clock: Clock;
  readonly #arrivals = new EventEmitter<{ message: [Message] }>().setMaxListeners(0);

  constructor(store: Store, clock: Clock) {
    this.#messages = store.table('mail-messages');
    this.#clock = clock;
  }

  add(content: Omit<Message, 'id' | 'receivedAt'>): Message {
    const id = String(Number(this.#all().at(-1)?.id ?? 0) + 1).padStart(10, '0');
    const message = { id, receivedAt: new Date(this.#clock.now()).toISOString(), ...content };
    this.#messages.put(id, message);
    for (const { id: oldest } of this.#all().slice(0, -mostMessages)) this.#messages.delete(oldest);
    this.#arrivals.emit('message', message);
    return message;
  }

  find(id: string): Message | undefined {
    return this.#messages.get(id);
  }

  /** Messages to the address (to anyone without one), after the one with the id `after`, oldest first. */
  list(filter: { to?: string | undefined; after?: string | undefined } = {}): Message[] {
    return this.#all().filter((message) => fits(message, filter));
  }

  /** The first such message, as soon as it is there; rejects when `signal` aborts. */
  async next(
    filter: { to?: string | undefined; after?: string | undefined },
    signal: AbortSignal,
  ): Promise<Message> {
    for (;;) {
      const [message] = this.list(filter);
      if (message !== undefined) return message;
      await once(this.#arrivals, 'message', { signal });
    }
  }

  clear(): void {
    for (const { id } of this.#all()) this.#messages.delete(id);
  }

  #all(): Message[] {
    return [...this.#messages.values()];
  }
}

function fits(
  message: Message,
  { to, after }: { to?: string | undefined; after?: string | undefined },
): boolean {
  return (
    (to === undefined || message.to.includes(to.toLowerCase())) && (after === undefined || message.id > after)
  );
}
