import { Backoff } from '../host/backoff.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import { type IotConnection, PublishError } from '../iot/iot-connection.ts';
import type { Part, PartHealth } from '../part.ts';
import type { OutboundQueue, QueuedMessage } from './outbound-queue.ts';

/** At most 50 publishes a second: half of what the broker takes from one connection. */
const spacingMs = 20;

export interface OutboundPublisherOptions {
  connection: IotConnection;
  queue: OutboundQueue;
  clock: Clock;
  logger: Logger;
  random: () => number;
}

/** Sends the queue to the cloud, in order, one after the other, while there is a connection. */
export class OutboundPublisher implements Part {
  readonly name = 'outbound';
  readonly #options: OutboundPublisherOptions;
  readonly #backoff: Backoff;
  #started = false;
  #listening = false;
  #busy = false;
  #cancelPause: () => void = () => {};

  constructor(options: OutboundPublisherOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ baseMs: 1_000, capMs: 128_000, random: options.random });
  }

  start(_signal: AbortSignal): Promise<void> {
    this.#started = true;
    if (!this.#listening) this.#options.connection.onConnected(() => this.#sendNext());
    this.#listening = true;
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#started = false;
    this.#cancelPause();
    return Promise.resolve();
  }

  health(): PartHealth {
    const { queue } = this.#options;
    const { event, telemetry } = queue.dropped;
    return {
      ok: event === 0,
      detail: `${queue.depth} waiting, ${event} events and ${telemetry} telemetry batches dropped`,
    };
  }

  /** Queues a message; it goes out now or when there is a connection again. */
  publish(message: QueuedMessage): void {
    this.#options.queue.add(message);
    this.#sendNext();
  }

  #sendNext(): void {
    const { connection, queue } = this.#options;
    const message = queue.peek();
    if (this.#busy || !this.#started || message === undefined || connection.state !== 'connected') return;
    this.#busy = true;
    void this.#send(message).then((pauseMs) => {
      this.#cancelPause = this.#options.clock.after(pauseMs, () => {
        this.#busy = false;
        this.#sendNext();
      });
    });
  }

  /** Answers how long to pause before the next message. */
  async #send(message: QueuedMessage): Promise<number> {
    const { connection, queue, logger } = this.#options;
    try {
      await connection.publish(message);
      queue.remove(message);
      this.#backoff.reset();
      return spacingMs;
    } catch (error) {
      if (!(error instanceof PublishError && error.code === 'forbidden')) return this.#backoff.next();
      queue.remove(message);
      logger.error({ topic: message.topic }, error.message);
      return spacingMs;
    }
  }
}
