import type { Clock } from '../host/clock.ts';
import type { Fragment } from './fragment.ts';
import type { FragmentBuffer } from './fragment-buffer.ts';
import type { FragmentDisk } from './fragment-disk.ts';

export interface FragmentSpoolOptions {
  buffer: FragmentBuffer;
  disk: FragmentDisk;
  clock: Clock;
}

/**
 * A fragment is persisted a second or two after its end; one that waits for longer is put on the disk. So flash memory is
 * spared while all goes well, and a power cut in an outage costs no more than this.
 */
const storeAfterMs = 5_000;
/** A disk that took nothing is left alone for so long. */
const retryMs = 30_000;
/** Older video is of no use: streams keep theirs for a day or more, and nobody waits for it. */
const maxAgeMs = 24 * 3_600_000;

/** Moves what waits for long onto the disk, and what an earlier run left there into the buffer. */
export class FragmentSpool {
  readonly #options: FragmentSpoolOptions;
  /** When a complete fragment was first seen waiting, monotonic. */
  readonly #waitingSince = new WeakMap<Fragment, number>();
  #kept: Fragment[] = [];
  #mayBeSent = false;
  #wipes = 0;
  #wiping: Promise<void> | undefined;
  #storing: Promise<void> | undefined;
  #retryAt = Number.NEGATIVE_INFINITY;

  constructor(options: FragmentSpoolOptions) {
    this.#options = options;
  }

  /** Reads what an earlier run left; `sendKept` sends it. */
  async open(): Promise<void> {
    await this.#wiping?.catch(() => undefined);
    const wipes = this.#wipes;
    const kept = await this.#options.disk.open();
    if (wipes !== this.#wipes) return;
    this.#kept = kept;
    if (this.#mayBeSent) this.sendKept();
  }

  /** It is known whose video this is: what an earlier run left takes its place before all else. */
  sendKept(): void {
    this.#mayBeSent = true;
    this.#options.buffer.restore(this.#kept.splice(0));
  }

  /** To be called about once a second. `clockAccepted`: the service takes our clock for right. */
  housekeep(clockAccepted: boolean): void {
    const { buffer, clock } = this.#options;
    const now = clock.monotonic();
    for (const fragment of buffer.fragments)
      if (isComplete(fragment) && !this.#waitingSince.has(fragment)) this.#waitingSince.set(fragment, now);
    if (clockAccepted) buffer.dropStoredBefore(clock.now() - maxAgeMs);
    if (now >= this.#retryAt) this.#store((fragment) => this.#waitsLong(fragment, now));
  }

  /** The agent stops: all that is not persisted has to survive it. Resolves when the disk has it or takes no more. */
  async close(): Promise<void> {
    await this.settled();
    this.#store(() => true);
    await this.settled();
  }

  /** Resolves when nothing is being written or removed. */
  async settled(): Promise<void> {
    await this.#storing;
    await this.#options.disk.settled();
  }

  /** Removes all that waits, in memory and on the disk; rejects when a file stays. */
  wipe(): Promise<void> {
    this.#wipes++;
    this.#kept = [];
    this.#options.buffer.forgetAll();
    this.#wiping = this.#wipeFiles();
    return this.#wiping;
  }

  async #wipeFiles(): Promise<void> {
    const { buffer, disk } = this.#options;
    await this.settled();
    await disk.wipe();
    // What is being sent is in memory, and is there alone now.
    for (const fragment of buffer.fragments) fragment.file = undefined;
  }

  #waitsLong(fragment: Fragment, now: number): boolean {
    return now - (this.#waitingSince.get(fragment) ?? now) >= storeAfterMs;
  }

  #store(isDue: (fragment: Fragment) => boolean): void {
    if (this.#storing !== undefined) return;
    const due = this.#options.buffer.fragments.filter((fragment) => isComplete(fragment) && isDue(fragment));
    if (due.length === 0) return;
    this.#storing = this.#storeInTurn(due).finally(() => {
      this.#storing = undefined;
    });
  }

  async #storeInTurn(due: readonly Fragment[]): Promise<void> {
    const { buffer, disk, clock } = this.#options;
    for (const fragment of due) {
      if (!buffer.fragments.includes(fragment)) continue;
      if (!this.#makeRoom(fragment) || !(await disk.store(fragment))) {
        this.#retryAt = clock.monotonic() + retryMs;
        return;
      }
      // Persisted, or given up, in the meantime.
      if (!buffer.fragments.includes(fragment)) disk.remove(fragment);
      buffer.trim();
    }
  }

  /** As any ring: the oldest make room. What others take of the disk they do not give back by that, so they are not all given up. */
  #makeRoom(fragment: Fragment): boolean {
    const { buffer, disk } = this.#options;
    let missing = disk.bytesMissingFor(fragment);
    while (missing > 0) {
      const dropped = buffer.dropOldestStored();
      if (dropped === undefined) {
        disk.refuse();
        return false;
      }
      missing -= dropped.bytes;
    }
    return true;
  }
}

/** All of it is there, in memory alone, and wanted. */
function isComplete({ closed, resident, file, state }: Fragment): boolean {
  return closed && resident && file === undefined && state !== 'held';
}
