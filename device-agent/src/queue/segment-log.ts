import { join } from 'node:path';
import type { LogFile, LogFileSystem } from './log-file-system.ts';
import { encodeRecord, type QueueRecord, scanRecords } from './record.ts';

/** Where a record is. */
export interface Place {
  segment: number;
  offset: number;
  length: number;
}

export interface SegmentLogOptions {
  directory: string;
  fileSystem: LogFileSystem;
  /** A segment that is longer is not appended to any more. */
  segmentBytes: number;
  /** What every new segment begins with: what must outlive the older ones. */
  prologue: () => QueueRecord;
}

export interface OpenedLog {
  log: SegmentLog;
  /** Damaged stretches that were skipped, and segments that could not be read. */
  damaged: number;
}

interface Segment {
  id: number;
  bytes: number;
  /** Records in it that are still needed. */
  live: number;
  /** Nothing has been appended to it yet. */
  pristine: boolean;
}

const fileName = (id: number): string => `${String(id).padStart(10, '0')}.log`;
const fileNamePattern = /^(\d{10})\.log$/;

/**
 * Records in a directory of append-only files. Files are removed oldest first and only without a needed record, so that
 * the note that a record is done with, which comes after it, always outlives it.
 */
export class SegmentLog {
  readonly #options: SegmentLogOptions;
  readonly #segments: Segment[] = [];
  /** The last segment, while it is appended to. */
  #active: { segment: Segment; file: LogFile } | undefined;
  #nextId = 1;

  private constructor(options: SegmentLogOptions) {
    this.#options = options;
  }

  /**
   * Shows `visit` every record that is there, in the order in which they were appended, and cuts off a torn tail. Rejects
   * when the directory cannot be made or listed.
   */
  static async open(
    options: SegmentLogOptions,
    visit: (record: QueueRecord, place: Place) => void,
  ): Promise<OpenedLog> {
    const { directory, fileSystem } = options;
    await fileSystem.makeDirectory(directory);
    const names = await fileSystem.list(directory);
    const ids = names.flatMap((name) => fileNamePattern.exec(name)?.[1] ?? []).map(Number);
    const log = new SegmentLog(options);
    let damaged = 0;
    for (const id of ids.sort((a, b) => a - b)) damaged += await log.#readSegment(id, visit);
    await log.#resumeLast();
    return { log, damaged };
  }

  /** What all segments take, in bytes. */
  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The oldest segment, unless it is the one that is appended to. */
  get oldestSealed(): number | undefined {
    const [oldest] = this.#segments;
    return oldest === this.#active?.segment ? undefined : oldest?.id;
  }

  /** Whether the segment is still there. */
  has(segment: number): boolean {
    return this.#segments.some(({ id }) => id === segment);
  }

  /**
   * Appends the records; with `durable` they survive a power cut when it resolves. When it rejects none of them counts,
   * and the next call begins a new segment.
   */
  async append(records: readonly QueueRecord[], durable: boolean): Promise<Place[]> {
    const encoded = records.map(encodeRecord);
    const bytes = encoded.reduce((sum, { length }) => sum + length, 0);
    const { segment, file } = await this.#activeFor(bytes);
    let offset = segment.bytes;
    try {
      await file.write(Buffer.concat(encoded), offset);
      if (durable) await file.sync();
    } catch (error) {
      await this.#abandonActive();
      throw error;
    }
    segment.bytes += bytes;
    segment.pristine = false;
    return encoded.map(({ length }) => {
      offset += length;
      return { segment: segment.id, offset: offset - length, length };
    });
  }

  /** The record at the place; rejects when it cannot be read or is damaged. */
  async read({ segment, offset, length }: Place): Promise<QueueRecord> {
    const bytes = await this.#options.fileSystem.readAt(this.#path(segment), offset, length);
    const [found] = scanRecords(bytes).records;
    if (found === undefined) throw new Error('The record is damaged.');
    return found.record;
  }

  /** The record at the place is needed: its segment stays. */
  retain({ segment }: Place): void {
    const found = this.#segments.find(({ id }) => id === segment);
    if (found !== undefined) found.live += 1;
  }

  /** The record at the place is not needed any more. */
  release({ segment }: Place): void {
    const found = this.#segments.find(({ id }) => id === segment);
    if (found !== undefined) found.live -= 1;
  }

  /** Removes the oldest segments for as long as no record in them is needed. */
  async removeDead(): Promise<void> {
    for (let [oldest] = this.#segments; oldest?.live === 0; [oldest] = this.#segments) {
      if (oldest === this.#active?.segment) return;
      await this.#options.fileSystem.remove(this.#path(oldest.id));
      this.#segments.shift();
    }
  }

  /** Removes everything, durably. Rejects when something is left. */
  async clear(): Promise<void> {
    const { fileSystem, directory } = this.#options;
    await this.#closeActive();
    for (let [oldest] = this.#segments; oldest !== undefined; [oldest] = this.#segments) {
      await fileSystem.remove(this.#path(oldest.id));
      this.#segments.shift();
    }
    await fileSystem.syncDirectory(directory);
  }

  async close(): Promise<void> {
    await this.#closeActive();
  }

  /** Answers how much of it is damaged. */
  async #readSegment(id: number, visit: (record: QueueRecord, place: Place) => void): Promise<number> {
    this.#nextId = id + 1;
    let bytes: Buffer;
    try {
      bytes = await this.#options.fileSystem.read(this.#path(id));
    } catch {
      return 1;
    }
    const scan = scanRecords(bytes);
    for (const { record, offset, length } of scan.records) visit(record, { segment: id, offset, length });
    this.#segments.push({ id, bytes: scan.end, live: 0, pristine: false });
    return scan.damaged;
  }

  /** Goes on with the last segment, behind its last whole record; where that cannot be, a new one will do. */
  async #resumeLast(): Promise<void> {
    const last = this.#segments.at(-1);
    if (last === undefined || last.bytes >= this.#options.segmentBytes) return;
    let file: LogFile | undefined;
    try {
      file = await this.#options.fileSystem.open(this.#path(last.id));
      await file.truncate(last.bytes);
      this.#active = { segment: last, file };
    } catch {
      await file?.close();
    }
  }

  async #activeFor(bytes: number): Promise<{ segment: Segment; file: LogFile }> {
    const { segmentBytes } = this.#options;
    if (this.#active !== undefined && this.#active.segment.bytes + bytes > segmentBytes)
      await this.#closeActive();
    this.#active ??= await this.#newSegment();
    return this.#active;
  }

  async #newSegment(): Promise<{ segment: Segment; file: LogFile }> {
    const { fileSystem, directory, prologue } = this.#options;
    const id = this.#nextId;
    const first = encodeRecord(prologue());
    const file = await fileSystem.open(this.#path(id));
    try {
      await file.truncate(0);
      await file.write(first, 0);
      await fileSystem.syncDirectory(directory);
    } catch (error) {
      await file.close().catch(() => {});
      await fileSystem.remove(this.#path(id)).catch(() => {});
      throw error;
    }
    this.#nextId += 1;
    const segment: Segment = { id, bytes: first.length, live: 0, pristine: true };
    this.#segments.push(segment);
    return { segment, file };
  }

  /** After a failed write or fsync nobody knows what the file holds behind its last good record (fsync(2), errors). */
  async #abandonActive(): Promise<void> {
    const active = this.#active;
    if (active === undefined) return;
    const { segment, file } = active;
    this.#active = undefined;
    await file.truncate(segment.bytes).catch(() => {});
    await file.close().catch(() => {});
    if (!segment.pristine) return;
    // Attempts on a full disk must not leave a file each.
    this.#segments.splice(this.#segments.indexOf(segment), 1);
    await this.#options.fileSystem.remove(this.#path(segment.id)).catch(() => {});
  }

  async #closeActive(): Promise<void> {
    const file = this.#active?.file;
    this.#active = undefined;
    await file?.close();
  }

  #path(id: number): string {
    return join(this.#options.directory, fileName(id));
  }
}
