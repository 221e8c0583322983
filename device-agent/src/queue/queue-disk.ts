import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { QueueEntry } from './backlog.ts';
import type { LogFileSystem } from './log-file-system.ts';
import type { MessageClass, QueuedMessage } from './queued-message.ts';
import { maxSeqsPerRecord, type QueueRecord } from './record.ts';
import { type Recovered, readRecovered } from './recovered-messages.ts';
import type { Place, SegmentLog } from './segment-log.ts';

/** At most so much is written and synced at once. */
const maxBatchBytes = 64 * 1024;
/** How soon a disk that took nothing is tried again. */
const retryMs = 30_000;

export interface QueueDiskOptions {
  directory: string;
  fileSystem: LogFileSystem;
  segmentBytes: number;
  /** When the files take more than this, what is still needed is moved out of the oldest one. */
  budgetBytes: number;
  clock: Clock;
  logger: Logger;
  /** How many messages were dropped so far. */
  dropped: () => Record<MessageClass, number>;
  /** All messages that wait. */
  waiting: () => Iterable<QueueEntry>;
  /** Called once, with what an earlier run left. */
  onRecovered: (recovered: Recovered) => void;
  /** Messages can be sent that could not be before. */
  onProgress: () => void;
  /** The message cannot be read back. */
  onUnreadable: (entry: QueueEntry) => void;
  /** Everything that was on the disk is gone. */
  onWiped: () => void;
}

/**
 * The outbound queue's side that writes. One job at a time. Group commit: what comes while a batch is being synced makes
 * up the next one, so that the number of fdatasync(2) follows the disk's speed and not the number of messages. Notes that
 * messages are done with are written but not synced: lost in a power cut they only make messages be sent again.
 */
export class QueueDisk {
  readonly #options: QueueDiskOptions;
  #log: SegmentLog | undefined;
  #unstored: QueueEntry[] = [];
  /** Done with, not noted on the disk yet. */
  #removed: { seq: number; segment: number }[] = [];
  #droppedChanged = false;
  #nextSeq = 1;
  #wipes: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  #failure: Error | undefined;
  #state: 'new' | 'open' | 'closing' | 'closed' = 'new';
  /** The disk took nothing and is left alone until it is tried again. */
  #holding = false;
  #cancelRetry: () => void = () => {};
  #busy = false;
  #work: Promise<void> = Promise.resolve();

  constructor(options: QueueDiskOptions) {
    this.#options = options;
  }

  /** Why messages wait in memory; undefined while the disk takes them. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Reads what is there; resolves when that is done, or when it is known that the disk does not let it. */
  async open(): Promise<void> {
    if (this.#state === 'new') this.#state = 'open';
    this.#wake();
    await this.#work;
  }

  /** Writes what can be written; no more is taken. */
  async close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      this.#cancelRetry();
      this.#holding = false;
      this.#wake();
    }
    await this.#work;
    this.#state = 'closed';
    await this.#log?.close().catch(() => {});
  }

  /** Puts the message on the disk and then settles it as stored. */
  store(entry: QueueEntry): void {
    this.#unstored.push(entry);
    this.#wake();
  }

  /** Notes on the disk that the entry, which is gone, is done with. */
  discard(entry: QueueEntry): void {
    if (entry.place === undefined || entry.seq === undefined) return;
    this.#log?.release(entry.place);
    this.#removed.push({ seq: entry.seq, segment: entry.place.segment });
    this.#wake();
  }

  /** The count of dropped messages has changed. */
  noteDropped(): void {
    this.#droppedChanged = true;
    this.#wake();
  }

  /** Messages that wait for the disk, oldest first. */
  get unstored(): readonly QueueEntry[] {
    return this.#unstored.filter(({ gone }) => !gone);
  }

  /** Reads the entry's message back; undefined when it is gone or cannot be read. */
  async read(entry: QueueEntry): Promise<QueuedMessage | undefined> {
    for (;;) {
      const { message, place } = entry;
      if (message !== undefined || place === undefined || this.#log === undefined) return message;
      const record = await this.#log.read(place).catch(() => undefined);
      if (entry.gone) return undefined;
      if (record?.type === 'message' && record.seq === entry.seq) return record.message;
      // Unless it was moved meanwhile, it is damaged.
      if (entry.place !== place) continue;
      this.#options.onUnreadable(entry);
      return undefined;
    }
  }

  /** Removes all files; rejects when that cannot be done. What is stored from now on stays. */
  wipe(): Promise<void> {
    if (this.#state === 'closed')
      return Promise.reject(new Error('The outbound queue is closed: wipe it after the next start.'));
    return new Promise((resolve, reject) => {
      this.#wipes.push({ resolve, reject });
      this.#wake();
    });
  }

  #wake(): void {
    if (this.#busy || this.#state === 'new' || this.#state === 'closed') return;
    this.#busy = true;
    this.#work = this.#run();
  }

  async #run(): Promise<void> {
    for (let job = this.#nextJob(); job !== undefined; job = this.#nextJob()) await job();
    this.#busy = false;
  }

  #nextJob(): (() => Promise<void>) | undefined {
    const log = this.#log;
    const { budgetBytes } = this.#options;
    if (this.#wipes.length > 0) return () => this.#wipeNow();
    if (this.#holding) return undefined;
    if (log === undefined) return () => this.#openLog().then(() => {}, this.#fail);
    // Before more is written: under load there would never be a moment for it.
    if (log.bytes > budgetBytes && log.oldestSealed !== undefined)
      return () => this.#clean(log).catch(this.#fail);
    if (this.#hasSomethingToWrite()) return () => this.#commit(log);
    return undefined;
  }

  #hasSomethingToWrite(): boolean {
    // After a failure also without anything to say: only a write tells whether the disk takes one again.
    const isTrial = this.#failure !== undefined;
    return isTrial || this.#droppedChanged || this.#unstored.length > 0 || this.#removed.length > 0;
  }

  async #openLog(): Promise<SegmentLog> {
    const { directory, fileSystem, segmentBytes, dropped, logger, onRecovered } = this.#options;
    const { log, damaged, recovered } = await readRecovered({
      directory,
      fileSystem,
      segmentBytes,
      prologue: () => ({ type: 'dropped', counts: dropped() }),
    });
    this.#log = log;
    this.#nextSeq = recovered.nextSeq;
    for (const { place } of recovered.messages) log.retain(place);
    if (damaged > 0)
      logger.error(
        { damaged },
        'The outbound queue on the disk is damaged in places: what was there is lost.',
      );
    onRecovered(recovered);
    return log;
  }

  async #commit(log: SegmentLog): Promise<void> {
    const batch = this.#takeBatch();
    const removed = this.#removed;
    const isTrial = this.#failure !== undefined;
    const droppedChanged = this.#droppedChanged || isTrial;
    this.#removed = [];
    this.#droppedChanged = false;
    try {
      await log.removeDead();
      const notes = this.#notes(log, removed, droppedChanged);
      const messages = batch.map((entry): QueueRecord & { type: 'message' } => ({
        type: 'message',
        seq: (entry.seq ??= this.#nextSeq++),
        message: entry.message as QueuedMessage,
      }));
      const records = [...notes, ...messages];
      const places = records.length === 0 ? [] : await log.append(records, batch.length > 0 || isTrial);
      this.#succeed();
      for (const [index, entry] of batch.entries())
        this.#stored(log, entry, places[notes.length + index] as Place);
    } catch (error) {
      this.#unstored = [...batch, ...this.#unstored];
      this.#removed = [...removed, ...this.#removed];
      this.#droppedChanged ||= droppedChanged;
      this.#fail(error);
    }
    if (batch.length > 0) this.#options.onProgress();
  }

  #takeBatch(): QueueEntry[] {
    const waiting = this.unstored;
    let bytes = 0;
    let count = 0;
    for (const entry of waiting) {
      bytes += entry.bytes;
      if (count > 0 && bytes > maxBatchBytes) break;
      count += 1;
    }
    this.#unstored = waiting.slice(count);
    return waiting.slice(0, count);
  }

  /** A note about a message whose file is gone is not needed. */
  #notes(
    log: SegmentLog,
    removed: { seq: number; segment: number }[],
    droppedChanged: boolean,
  ): QueueRecord[] {
    const seqs = removed.filter(({ segment }) => log.has(segment)).map(({ seq }) => seq);
    const notes: QueueRecord[] = [];
    for (let i = 0; i < seqs.length; i += maxSeqsPerRecord)
      notes.push({ type: 'removed', seqs: seqs.slice(i, i + maxSeqsPerRecord) });
    if (droppedChanged) notes.push({ type: 'dropped', counts: this.#options.dropped() });
    return notes;
  }

  #stored(log: SegmentLog, entry: QueueEntry, place: Place): void {
    entry.place = place;
    entry.message = undefined;
    log.retain(place);
    entry.settle('stored');
    if (entry.gone) this.discard(entry);
  }

  /** Moves what is still needed out of the oldest file, which then goes. */
  async #clean(log: SegmentLog): Promise<void> {
    const segment = log.oldestSealed;
    const all = [...this.#options.waiting()].filter(({ place }) => place?.segment === segment);
    for (let i = 0; i < all.length; ) {
      const chunk: { entry: QueueEntry; from: Place; record: QueueRecord }[] = [];
      for (let bytes = 0; i < all.length && bytes < maxBatchBytes; i++) {
        const entry = all[i] as QueueEntry;
        const message = entry.gone ? undefined : await this.read(entry);
        if (message === undefined || entry.place === undefined || entry.seq === undefined) continue;
        chunk.push({ entry, from: entry.place, record: { type: 'message', seq: entry.seq, message } });
        bytes += entry.bytes;
      }
      const places =
        chunk.length === 0
          ? []
          : await log.append(
              chunk.map(({ record }) => record),
              true,
            );
      for (const [index, { entry, from }] of chunk.entries())
        this.#moved(log, entry, from, places[index] as Place);
    }
    await log.removeDead();
  }

  #moved(log: SegmentLog, entry: QueueEntry, from: Place, to: Place): void {
    log.retain(to);
    entry.place = to;
    // Gone meanwhile, it was released at its old place: the copy has to be noted too.
    if (entry.gone) this.discard(entry);
    else log.release(from);
  }

  async #wipeNow(): Promise<void> {
    const wipes = this.#wipes;
    this.#wipes = [];
    try {
      const log = this.#log ?? (await this.#openLog());
      await log.clear();
      this.#removed = [];
      // The counts have gone with the files.
      this.#droppedChanged = true;
      this.#options.onWiped();
      for (const { resolve } of wipes) resolve();
    } catch (error) {
      for (const { reject } of wipes) reject(error);
    }
  }

  readonly #fail = (error: unknown): void => {
    const failure = error instanceof Error ? error : new Error(String(error));
    this.#holding = true;
    if (this.#failure === undefined)
      this.#options.logger.error(
        `The outbound queue cannot be written to the disk (${failure.message}): free space on it and make it ` +
          'writable. Until then events and telemetry wait in memory, where a restart loses them.',
      );
    this.#failure = failure;
    if (this.#state !== 'closing')
      this.#cancelRetry = this.#options.clock.after(retryMs, () => {
        this.#holding = false;
        this.#wake();
      });
    this.#options.onProgress();
  };

  #succeed(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#options.logger.info('The outbound queue is on the disk again.');
  }
}
