import type { Fragment, FragmentMedia } from './fragment.ts';
import { FragmentLog, type LoggedFragment } from './fragment-log.ts';
import { compareFragmentNumbers, nextFragmentNumber } from './fragment-number.ts';

/** Without retention the service keeps this much for readers (quotas, "Data retention"). */
const hostBufferMs = 5 * 60_000;
const hostBufferBytes = 200 * 1024 * 1024;

export type TimestampKind = 'PRODUCER_TIMESTAMP' | 'SERVER_TIMESTAMP';

interface HeldFragment extends Fragment {
  media: FragmentMedia;
}
type StoredFragment = LoggedFragment | HeldFragment;

/** The fragments of one stream: on disk while it retains data, else in a host buffer of 5 minutes and 200 MB. */
export class StreamMedia {
  readonly #log: FragmentLog;
  readonly #maxBytes: number;
  /** In the order of their arrival. */
  #fragments: StoredFragment[];
  readonly #byNumber = new Map<string, StoredFragment>();
  readonly #listeners = new Set<(fragment: Fragment) => void>();
  #lastNumber: string | undefined;
  #nextOrdinal: number;
  #writing: Promise<unknown> = Promise.resolve();
  #removed = false;

  constructor(directory: string, maxBytes: number) {
    this.#log = new FragmentLog(directory);
    this.#maxBytes = maxBytes;
    this.#fragments = this.#log.load();
    for (const fragment of this.#fragments) this.#byNumber.set(fragment.number, fragment);
    this.#lastNumber = this.#fragments
      .map(({ number }) => number)
      .sort(compareFragmentNumbers)
      .at(-1);
    this.#nextOrdinal = (this.#fragments.at(-1)?.ordinal ?? -1) + 1;
  }

  get bytes(): number {
    return this.#log.bytes + this.#heldBytes();
  }

  /** In the order of their arrival. */
  get fragments(): readonly Fragment[] {
    return this.#fragments;
  }

  get newest(): Fragment | undefined {
    return this.#fragments.at(-1);
  }

  /** Given out when the first byte of a fragment comes. */
  takeNumber(serverMs: number): string {
    this.#lastNumber = nextFragmentNumber(this.#lastNumber, serverMs);
    return this.#lastNumber;
  }

  /** Resolves when the fragment is durable (`retain`), or in the host buffer. */
  append(fragment: Omit<Fragment, 'ordinal'>, media: FragmentMedia, retain: boolean): Promise<Fragment> {
    const written = this.#writing.then(async () => {
      if (this.#removed) throw new Error('the stream is deleted');
      const complete: Fragment = { ...fragment, ordinal: this.#nextOrdinal };
      const stored = retain ? await this.#log.append(complete, media) : { ...complete, media };
      this.#nextOrdinal += 1;
      this.#fragments.push(stored);
      this.#byNumber.set(stored.number, stored);
      for (const listener of this.#listeners) listener(stored);
      return stored;
    });
    this.#writing = written.catch(() => undefined);
    return written;
  }

  find(number: string): Fragment | undefined {
    return this.#byNumber.get(number);
  }

  /** Undefined when the fragment is gone meanwhile. */
  async read(number: string): Promise<FragmentMedia | undefined> {
    const stored = this.#byNumber.get(number);
    if (stored === undefined) return undefined;
    if ('media' in stored) return stored.media;
    try {
      return await this.#log.read(stored);
    } catch (error) {
      if (!this.#byNumber.has(number)) return undefined;
      throw error;
    }
  }

  /** Those whose start lies within both ends, by their time; of equal ones the newest last. */
  within(kind: TimestampKind, startMs: number, endMs: number): Fragment[] {
    const time = timeOf(kind);
    return this.#fragments
      .filter((fragment) => time(fragment) >= startMs && time(fragment) <= endMs)
      .sort((a, b) => time(a) - time(b) || compareFragmentNumbers(a.number, b.number));
  }

  /** Those that arrived as `ordinal` or later. */
  since(ordinal: number): readonly Fragment[] {
    return this.#fragments.slice(this.#fragments.findLastIndex((fragment) => fragment.ordinal < ordinal) + 1);
  }

  /** Calls `listener` for each fragment that is stored from now on; returns how to stop it. */
  onStored(listener: (fragment: Fragment) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Forgets what the retention period, the host buffer or the disk limit no longer allows. */
  expire(nowMs: number, retentionHours: number): void {
    const oldestMs = nowMs - retentionHours * 3_600_000;
    let surplusBytes = this.#log.bytes - this.#maxBytes;
    let heldBytes = this.#heldBytes();
    const gone = this.#fragments.filter((fragment) => {
      if ('media' in fragment) {
        const old = fragment.serverMs < nowMs - hostBufferMs || heldBytes > hostBufferBytes;
        if (old) heldBytes -= fragment.sizeBytes;
        return old;
      }
      const surplus = surplusBytes > 0;
      if (surplus) surplusBytes -= fragment.sizeBytes;
      return surplus || fragment.serverMs < oldestMs;
    });
    if (gone.length === 0) return;
    const numbers = new Set(gone.map(({ number }) => number));
    this.#fragments = this.#fragments.filter(({ number }) => !numbers.has(number));
    for (const number of numbers) this.#byNumber.delete(number);
    this.#log.expire(gone.filter((fragment) => 'place' in fragment));
  }

  /** Waits for writes that have begun. */
  async settle(): Promise<void> {
    await this.#writing;
  }

  /** The stream is deleted: its media goes. */
  async remove(): Promise<void> {
    this.#removed = true;
    await this.settle();
    this.#fragments = [];
    this.#byNumber.clear();
    this.#log.remove();
  }

  #heldBytes(): number {
    return this.#fragments.reduce((sum, fragment) => sum + ('media' in fragment ? fragment.sizeBytes : 0), 0);
  }
}

export function timeOf(kind: TimestampKind): (fragment: Fragment) => number {
  return kind === 'PRODUCER_TIMESTAMP' ? ({ producerMs }) => producerMs : ({ serverMs }) => serverMs;
}

/** Of fragments in time order those with equal producer times but for the newest; server times are never duplicates. */
export function withoutDuplicates(kind: TimestampKind, fragments: readonly Fragment[]): Fragment[] {
  return fragments.filter(
    ({ producerMs }, i) => kind === 'SERVER_TIMESTAMP' || fragments[i + 1]?.producerMs !== producerMs,
  );
}
