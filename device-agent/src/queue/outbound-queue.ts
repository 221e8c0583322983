import type { PublishOptions } from '../iot/iot-connection.ts';

/** What is dropped first when there is no room: telemetry goes before events. */
export type MessageClass = 'event' | 'telemetry';

export interface QueuedMessage extends PublishOptions {
  class: MessageClass;
}

export interface QueueLimits {
  maxMessages: number;
  maxBytes: number;
}

export const defaultQueueLimits: QueueLimits = { maxMessages: 2_000, maxBytes: 2 * 1024 * 1024 };

/** First in, first out, in memory and bounded; counts what it had to drop. */
export class OutboundQueue {
  readonly #limits: QueueLimits;
  #messages: QueuedMessage[] = [];
  #bytes = 0;
  readonly #dropped = { event: 0, telemetry: 0 };

  constructor(limits: QueueLimits = defaultQueueLimits) {
    this.#limits = limits;
  }

  get depth(): number {
    return this.#messages.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get dropped(): Readonly<Record<MessageClass, number>> {
    return { ...this.#dropped };
  }

  add(message: QueuedMessage): void {
    this.#messages.push(message);
    this.#bytes += message.payload.length;
    while (this.#isOverfull()) this.#dropOldest();
  }

  /** The oldest message; it stays until it is removed. */
  peek(): QueuedMessage | undefined {
    return this.#messages[0];
  }

  /** Takes the message out, if it is still there: it may have been dropped meanwhile. */
  remove(message: QueuedMessage): void {
    const index = this.#messages.indexOf(message);
    if (index === -1) return;
    this.#messages.splice(index, 1);
    this.#bytes -= message.payload.length;
  }

  #isOverfull(): boolean {
    return this.#messages.length > this.#limits.maxMessages || this.#bytes > this.#limits.maxBytes;
  }

  #dropOldest(): void {
    const victim = this.#messages.find((message) => message.class === 'telemetry') ?? this.#messages[0];
    if (victim === undefined) return;
    this.#dropped[victim.class] += 1;
    this.remove(victim);
  }
}
