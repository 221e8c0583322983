import { Backoff } from '../host/backoff.ts';
import type { Clock } from '../host/clock.ts';
import { counted } from '../host/counted.ts';
import type { Logger } from '../host/logger.ts';
import { type IotConnection, PublishError } from '../iot/iot-connection.ts';
import type { Part, PartHealth } from '../part.ts';
import type { QueueEntry } from './backlog.ts';
import type { OutboundQueue } from './outbound-queue.ts';
import type { PublishOutcome, QueuedMessage } from './queued-message.ts';

/** At most 50 publishes a second: half of what the broker takes from one connection. */
const spacingMs = 20;

export interface OutboundPublisherOptions {
  connection: IotConnection;
  queue: OutboundQueue;
  clock: Clock;
  logger: Logger;
  random: () => number;
}

/**
 * Sends the queue to the cloud, in order, one after the other, while there is a connection. A message leaves the queue
 * when the cloud has acknowledged it: after a crash it may be sent again, never lost (the backend tells by `event_id`).
 */
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

  async start(_signal: AbortSignal): Promise<void> {
    const { connection, queue } = this.#options;
    await queue.open();
    this.#started = true;
    if (!this.#listening) connection.onConnected(() => this.#sendNext());
    this.#listening = true;
    queue.onProgress(() => this.#sendNext());
    this.#sendNext();
  }

  /** What was not sent waits on the disk for the next start. */
  async stop(): Promise<void> {
    this.#started = false;
    this.#cancelPause();
    await this.#options.queue.close();
  }

  health(): PartHealth {
    const { queue } = this.#options;
    const { event, telemetry } = queue.dropped;
    const where =
      queue.diskFailure === undefined ? 'on the disk' : 'in memory or on a disk that takes no more';
    return {
      ok: queue.healthy,
      detail: `${queue.depth} waiting ${where}, ${counted(event, 'event')} and ${counted(telemetry, 'telemetry batch', 'telemetry batches')} dropped so far`,
    };
  }

  /**
   * Queues a message; it goes out when there is a connection. Resolves as `stored` once it is on the disk, where neither
   * kill -9 nor a power cut loses it; never rejects.
   */
  publish(message: QueuedMessage): Promise<PublishOutcome> {
    const outcome = this.#options.queue.add(message);
    this.#sendNext();
    return outcome;
  }

  /** Forgets every message, on the disk too; rejects when the disk does not let it. */
  wipe(): Promise<void> {
    return this.#options.queue.wipe();
  }

  #sendNext(): void {
    const { connection, queue, clock } = this.#options;
    const entry = queue.head();
    if (this.#busy || !this.#started || entry === undefined || connection.state !== 'connected') return;
    this.#busy = true;
    void this.#send(entry).then((pauseMs) => {
      const goOn = (): void => {
        this.#busy = false;
        this.#sendNext();
      };
      if (this.#started) this.#cancelPause = clock.after(pauseMs, goOn);
    });
  }

  /** Answers how long to pause before the next message. */
  async #send(entry: QueueEntry): Promise<number> {
    const { connection, queue, logger } = this.#options;
    const message = await queue.read(entry);
    if (message === undefined) return 0;
    try {
      await connection.publish(message);
      queue.remove(entry, 'delivered');
      this.#backoff.reset();
      return spacingMs;
    } catch (error) {
      if (!(error instanceof PublishError && error.code === 'forbidden')) return this.#backoff.next();
      queue.remove(entry, 'dropped');
      logger.error({ topic: message.topic }, error.message);
      return spacingMs;
    }
  }
}
