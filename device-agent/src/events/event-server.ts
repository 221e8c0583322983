import type { Socket } from 'node:net';
import * as z from 'zod';
import type { Clock } from '../host/clock.ts';
import type { Part, PartHealth } from '../part.ts';
import type { PublishOutcome } from '../queue/queued-message.ts';
import { LocalSocketServer } from '../status/local-socket-server.ts';
import type { BoardEvents } from './board-events.ts';
import { type EventAnswer, eventRequestSchema, eventSocket } from './event-request.ts';

/** A message of MQTT holds 128 KB; an event that needs more than this is no event. */
const maxRequestBytes = 64 * 1024;
/** A disk that has not taken an event by then takes nothing at present. */
const patienceMs = 4_000;

export interface EventServerOptions {
  /** The state directory; the status server holds its lock. */
  directory: string;
  events: Pick<BoardEvents, 'record'>;
  clock: Clock;
}

/**
 * Takes events from the board's other programs (a motion detector, the firmware): `aovis-agent event`. One JSON request a
 * connection; it is answered when the event is on the disk.
 */
export class EventServer implements Part {
  readonly name = 'events';
  readonly #options: EventServerOptions;
  readonly #server: LocalSocketServer;

  constructor(options: EventServerOptions) {
    this.#options = options;
    this.#server = new LocalSocketServer(options.directory, eventSocket, (connection) => {
      void this.#serve(connection);
    });
  }

  start(_signal: AbortSignal): Promise<void> {
    return this.#server.start();
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  health(): PartHealth {
    return { ok: this.#server.listening, detail: 'aovis-agent event takes events of other programs' };
  }

  async #serve(connection: Socket): Promise<void> {
    const text = await this.#read(connection);
    const answer =
      text === undefined ? refused('The request is too long or came to no end.') : await this.#take(text);
    connection.end(JSON.stringify(answer));
  }

  /** What the client says until it ends its half; undefined when that is too much or takes too long. */
  #read(connection: Socket): Promise<string | undefined> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const cancel = this.#options.clock.after(patienceMs, () => resolve(undefined));
      connection.on('data', (chunk) => {
        bytes += chunk.length;
        if (bytes > maxRequestBytes) return resolve(undefined);
        chunks.push(chunk);
      });
      connection.once('end', () => resolve(Buffer.concat(chunks).toString()));
      connection.once('close', () => {
        cancel();
        resolve(undefined);
      });
    });
  }

  async #take(text: string): Promise<EventAnswer> {
    const request = eventRequestSchema.safeParse(parseJson(text));
    if (!request.success) return refused(`The event is not understood:\n${z.prettifyError(request.error)}`);
    const { id, outcome } = this.#options.events.record(request.data.type, request.data.data);
    return { event_id: id, ...sentences[await this.#soon(outcome)] };
  }

  /** The outcome, or that there is none for the time being. */
  #soon(outcome: Promise<PublishOutcome>): Promise<PublishOutcome | 'waiting'> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(patienceMs, () => resolve('waiting'));
      void outcome.then((known) => {
        cancel();
        resolve(known);
      });
    });
  }
}

const stored = { outcome: 'stored', sentence: 'The event is stored and goes to the cloud.' } as const;
const sentences: Record<PublishOutcome | 'waiting', Omit<EventAnswer, 'event_id'>> = {
  stored,
  delivered: stored,
  waiting: {
    outcome: 'waiting',
    sentence:
      'The disk does not take the event: it waits in memory, where a restart loses it. Free space in the state directory.',
  },
  dropped: {
    outcome: 'refused',
    sentence: 'There is no room for the event: it is dropped, and counted as such.',
  },
};

const refused = (sentence: string): EventAnswer => ({ outcome: 'refused', sentence });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
