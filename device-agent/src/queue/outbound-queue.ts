import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import { Backlog, type QueueEntry } from './backlog.ts';
import { type LogFileSystem, nodeLogFileSystem } from './log-file-system.ts';
import { QueueDisk } from './queue-disk.ts';
import type { MessageClass, PublishOutcome, QueuedMessage } from './queued-message.ts';
import { recordBytes } from './record.ts';
import type { Recovered } from './recovered-messages.ts';

export interface QueueLimits {
  maxMessages: number;
  /** Of what waits, as it is on the disk. Its files take up to one and a half times as much, and two segments. */
  maxBytes: number;
  /** Of what waits in memory while the disk takes nothing. */
  maxMemoryBytes: number;
  segmentBytes: number;
}

/** A week without a connection, at one batch of telemetry a minute. */
export const defaultQueueLimits: QueueLimits = {
  maxMessages: 10_000,
  maxBytes: 8 * 1024 * 1024,
  maxMemoryBytes: 1024 * 1024,
  segmentBytes: 256 * 1024,
};

/** "AWS IoT Core message broker and protocol limits": a PUBLISH with more ends the connection. */
const maxPayloadBytes = 128 * 1024;

export interface OutboundQueueOptions {
  /** The queue's own; made when missing. */
  directory: string;
  clock: Clock;
  logger: Logger;
  limits?: Partial<QueueLimits>;
  fileSystem?: LogFileSystem;
}

/**
 * First in, first out, on the disk and bounded; counts what it had to drop. While the disk takes nothing, messages wait
 * in memory, and go to the disk as soon as it takes them.
 */
export class OutboundQueue {
  readonly #options: OutboundQueueOptions;
  readonly #limits: QueueLimits;
  readonly #backlog = new Backlog();
  readonly #disk: QueueDisk;
  readonly #dropped = { event: 0, telemetry: 0 };
  #nextOrder = 0;
  #closed = false;
  /** Since the queue was last empty. */
  #lostEvents = 0;
  #onProgress: () => void = () => {};

  constructor(options: OutboundQueueOptions) {
    this.#options = options;
    this.#limits = { ...defaultQueueLimits, ...options.limits };
    const { directory, clock, logger, fileSystem = nodeLogFileSystem } = options;
    const { segmentBytes, maxBytes } = this.#limits;
    this.#disk = new QueueDisk({
      directory,
      clock,
      logger,
      fileSystem,
      segmentBytes,
      budgetBytes: Math.ceil(maxBytes * 1.5) + 2 * segmentBytes,
      dropped: () => this.dropped,
      waiting: () => this.#backlog,
      onRecovered: (recovered) => this.#takeUp(recovered),
      onProgress: () => {
        this.#enforceLimits();
        this.#onProgress();
      },
      onUnreadable: (entry) => this.#loseUnreadable(entry),
      onWiped: () => this.#forget(({ place }) => place !== undefined),
    });
  }

  /** Messages that wait. */
  get depth(): number {
    return this.#backlog.count;
  }

  /** What they take. */
  get bytes(): number {
    return this.#backlog.bytes;
  }

  /** Messages dropped for want of room, or refused by the cloud, since the queue's directory was made; restarts included. */
  get dropped(): Readonly<Record<MessageClass, number>> {
    return { ...this.#dropped };
  }

  /** Why messages wait in memory; undefined while the disk takes them. */
  get diskFailure(): Error | undefined {
    return this.#disk.failure;
  }

  /** False while messages wait in memory, and while events are missing among those that wait. */
  get healthy(): boolean {
    return this.#disk.failure === undefined && this.#lostEvents === 0;
  }

  /** Takes up what an earlier run left; never rejects. What is added before waits until then. */
  open(): Promise<void> {
    return this.#disk.open();
  }

  /** Messages that are in memory only are lost with this; says so. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#disk.close();
    const lost = this.#disk.unstored.length;
    if (lost > 0)
      this.#options.logger.error(
        { lost },
        'The disk did not take the messages that waited in memory: they are lost.',
      );
    this.#forget(({ place }) => place === undefined);
  }

  /** Called when there may be a message to send that was not there before. */
  onProgress(listener: () => void): void {
    this.#onProgress = listener;
  }

  /** Puts a message at the end. Never rejects; see `PublishOutcome`. */
  add(message: QueuedMessage): Promise<PublishOutcome> {
    if (this.#closed) return Promise.resolve('dropped');
    return new Promise((settle) => {
      const entry: QueueEntry = {
        class: message.class,
        bytes: recordBytes(message),
        order: this.#nextOrder++,
        seq: undefined,
        message,
        place: undefined,
        gone: false,
        settle,
      };
      this.#backlog.add(entry);
      if (Buffer.byteLength(message.payload) > maxPayloadBytes) this.#refuseTooLarge(entry, message);
      else this.#disk.store(entry);
      this.#enforceLimits();
    });
  }

  /** The oldest message, if it may be sent: on the disk, or the disk takes nothing. It stays until it is removed. */
  head(): QueueEntry | undefined {
    const head = this.#backlog.head();
    return head?.place !== undefined || this.#disk.failure !== undefined ? head : undefined;
  }

  /** The entry's message; undefined when it is gone meanwhile or the disk does not give it back. */
  read(entry: QueueEntry): Promise<QueuedMessage | undefined> {
    return this.#disk.read(entry);
  }

  /** Takes out a message that the cloud has, or that it will never take; it may have been dropped meanwhile. */
  remove(entry: QueueEntry, outcome: Extract<PublishOutcome, 'delivered' | 'dropped'>): void {
    if (entry.gone) return;
    if (outcome === 'dropped') this.#drop(entry);
    else this.#take(entry, outcome);
    if (this.#backlog.count === 0) this.#lostEvents = 0;
  }

  /**
   * Forgets all messages, in memory at once and on the disk when it resolves: they belong to an owner who has left. Not
   * counted as dropped. Rejects when the files cannot be removed: try again. Messages added afterwards stay.
   */
  async wipe(): Promise<void> {
    this.#forget(() => true);
    this.#lostEvents = 0;
    await this.#disk.wipe();
  }

  #takeUp({ messages, dropped }: Recovered): void {
    this.#dropped.event += dropped.event;
    this.#dropped.telemetry += dropped.telemetry;
    const firstOrder = -messages.length;
    this.#backlog.prepend(
      messages.map(({ seq, class: messageClass, place }, index) => ({
        class: messageClass,
        bytes: place.length,
        order: firstOrder + index,
        seq,
        message: undefined,
        place,
        gone: false,
        settle: ignore,
      })),
    );
    this.#enforceLimits();
    this.#onProgress();
  }

  #enforceLimits(): void {
    const { maxMessages, maxBytes, maxMemoryBytes } = this.#limits;
    while (this.#backlog.count > maxMessages || this.#backlog.bytes > maxBytes)
      if (!this.#drop(this.#backlog.leastWanted())) return;
    if (this.#disk.failure === undefined) return;
    const inMemory = this.#disk.unstored;
    let bytes = inMemory.reduce((sum, entry) => sum + entry.bytes, 0);
    const byWant = [...inMemory.filter(isTelemetry), ...inMemory.filter((entry) => !isTelemetry(entry))];
    for (const entry of byWant) {
      if (bytes <= maxMemoryBytes) return;
      bytes -= entry.bytes;
      this.#drop(entry);
    }
  }

  #drop(entry: QueueEntry | undefined): boolean {
    if (entry === undefined) return false;
    this.#dropped[entry.class] += 1;
    if (entry.class === 'event') this.#lostEvents += 1;
    this.#take(entry, 'dropped');
    this.#disk.noteDropped();
    return true;
  }

  #take(entry: QueueEntry, outcome: PublishOutcome): void {
    this.#backlog.remove(entry);
    this.#disk.discard(entry);
    entry.settle(outcome);
  }

  #forget(which: (entry: QueueEntry) => boolean): void {
    for (const entry of this.#backlog) if (which(entry)) this.#take(entry, 'dropped');
  }

  #refuseTooLarge(entry: QueueEntry, { topic, payload }: QueuedMessage): void {
    const bytes = Buffer.byteLength(payload);
    this.#options.logger.error(
      { topic, bytes },
      'A message of more than 128 KB cannot be sent: it is dropped.',
    );
    this.#drop(entry);
  }

  #loseUnreadable(entry: QueueEntry): void {
    this.#options.logger.error(
      'A message in the outbound queue cannot be read from the disk: it is dropped.',
    );
    this.#drop(entry);
  }
}

const isTelemetry = (entry: QueueEntry): boolean => entry.class === 'telemetry';
const ignore = (): void => {};
