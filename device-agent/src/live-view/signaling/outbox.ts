import type { Clock } from '../../host/clock.ts';
import { type OutgoingMessage, writeFrame } from './message.ts';

/** A little below what the service takes: 5 descriptions and 20 candidates a second (WebRTC Developer Guide, quotas). */
const everyMs = { SDP_ANSWER: 250, ICE_CANDIDATE: 60 } as const;
const burst = { SDP_ANSWER: 3, ICE_CANDIDATE: 10 } as const;
/** A viewer has given up by then. */
const worthSendingMs = 30_000;
const capacity = 500;

export interface OutboxOptions {
  clock: Pick<Clock, 'after' | 'monotonic'>;
  newCorrelationId: () => string;
  /** False while there is no connection: the message stays. */
  send: (frame: string) => boolean;
}

interface Waiting {
  message: OutgoingMessage;
  untilMs: number;
}

/** Messages to viewers, in order and no faster than the service takes them; while it is away they wait. */
export class Outbox {
  readonly #options: OutboxOptions;
  #waiting: Waiting[] = [];
  /** When the next message of a kind could go if there were no burst. */
  readonly #nextAt = { SDP_ANSWER: Number.NEGATIVE_INFINITY, ICE_CANDIDATE: Number.NEGATIVE_INFINITY };
  #cancel: (() => void) | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  push(message: OutgoingMessage): void {
    this.#waiting.push({ message, untilMs: this.#options.clock.monotonic() + worthSendingMs });
    this.#waiting = this.#waiting.slice(-capacity);
    this.flush();
  }

  /** What waits for a viewer is of no use to anybody once that viewer has gone. */
  forget(clientId: string): void {
    this.#waiting = this.#waiting.filter(({ message }) => message.clientId !== clientId);
  }

  stop(): void {
    this.#waiting = [];
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Sends what may go now; called when a connection has come. */
  flush(): void {
    const now = this.#options.clock.monotonic();
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      const waitMs = this.#waitMs(next.message.action, now);
      if (waitMs > 0 && next.untilMs > now) return this.#flushAfter(waitMs);
      if (next.untilMs > now && !this.#send(next.message, now)) return;
      this.#waiting.shift();
    }
  }

  #waitMs(action: OutgoingMessage['action'], now: number): number {
    return this.#nextAt[action] - now - (burst[action] - 1) * everyMs[action];
  }

  #send(message: OutgoingMessage, now: number): boolean {
    const { send, newCorrelationId } = this.#options;
    if (!send(writeFrame(message, newCorrelationId()))) return false;
    this.#nextAt[message.action] = Math.max(now, this.#nextAt[message.action]) + everyMs[message.action];
    return true;
  }

  #flushAfter(ms: number): void {
    this.#cancel ??= this.#options.clock.after(ms, () => {
      this.#cancel = undefined;
      this.flush();
    });
  }
}
