import type { Fragment } from './fragment.ts';

export interface FragmentBufferLimits {
  /** In memory. */
  maxBytes: number;
  /**
   * Of the pictures that are in memory only, without the gaps between them: those may come from a clock that was set.
   */
  maxDurationMs: number;
}

/** Where fragments have a second place, which survives a restart; `FragmentDisk` is one. */
export interface FragmentBacking {
  /** Its body; undefined when it cannot be had any more. */
  read(fragment: Fragment): Promise<Buffer | undefined>;
  /** Removes its file. */
  remove(fragment: Fragment): void;
}

export interface FragmentBufferOptions extends FragmentBufferLimits {
  backing?: FragmentBacking;
  /** A fragment that waits has come back into memory, or is lost. */
  onLoaded?: () => void;
}

/**
 * Fragments, oldest first, from their first picture until the service has persisted them: in memory, on the disk, or both.
 * When memory is full, what is on the disk too leaves it, the newest first, since the oldest is sent next; of what is in
 * memory alone the oldest goes, whole. One that is being sent or captured stays.
 */
export class FragmentBuffer {
  readonly #options: FragmentBufferOptions;
  #fragments: Fragment[] = [];
  /** Those in memory: few, however many there are on the disk. */
  readonly #resident = new Set<Fragment>();
  readonly #loading = new Set<Fragment>();
  #dropped = 0;

  constructor(options: FragmentBufferOptions) {
    this.#options = options;
  }

  get fragments(): readonly Fragment[] {
    return this.#fragments;
  }

  /** Of all fragments, on the wire. */
  get bytes(): number {
    return this.#fragments.reduce((sum, fragment) => sum + fragment.bytes, 0);
  }

  get bytesInMemory(): number {
    return sumOf(this.#resident, ({ bytes }) => bytes);
  }

  /** Fragments lost for want of room. */
  get dropped(): number {
    return this.#dropped;
  }

  add(fragment: Fragment): void {
    this.#fragments.push(fragment);
    this.#resident.add(fragment);
  }

  /** Puts what an earlier run left before all others. */
  restore(fragments: readonly Fragment[]): void {
    this.#fragments = [...fragments, ...this.#fragments];
  }

  /** The oldest fragment that waits to be sent; it may have to be loaded before. */
  nextWaiting(): Fragment | undefined {
    return this.#fragments.find((fragment) => fragment.state === 'waiting');
  }

  /** Brings a fragment back into memory, unless that is under way; `onLoaded` tells when. */
  load(fragment: Fragment): void {
    const { backing } = this.#options;
    if (fragment.resident || backing === undefined || this.#loading.has(fragment)) return;
    this.#loading.add(fragment);
    void backing.read(fragment).then((body) => {
      this.#loading.delete(fragment);
      if (!this.#fragments.includes(fragment)) return;
      if (body === undefined) this.#drop(fragment);
      else {
        fragment.load(body);
        this.#resident.add(fragment);
      }
      this.#options.onLoaded?.();
    });
  }

  /** Loads what will be sent after those that are in memory. */
  loadAhead(): void {
    const next = this.nextWaiting();
    if (next !== undefined) this.load(next);
  }

  /** The service has it, or never will. */
  remove(fragment: Fragment): void {
    const index = this.#fragments.indexOf(fragment);
    if (index === -1) return;
    this.#fragments.splice(index, 1);
    this.#resident.delete(fragment);
    if (fragment.file !== undefined) this.#options.backing?.remove(fragment);
  }

  /** A connection was lost: the fragment has to be sent again, if its bytes are still there. */
  sendAgain(fragment: Fragment): void {
    fragment.state = 'waiting';
    if (fragment.released) this.#dropped++;
  }

  /** Keeps to the limits. */
  trim(): void {
    const { maxBytes, maxDurationMs } = this.#options;
    const isOver = (): boolean =>
      this.bytesInMemory > maxBytes || sumOf(this.#resident, durationInMemoryOnly) > maxDurationMs;
    while (isOver()) {
      const copied = this.bytesInMemory > maxBytes ? this.#fragments.findLast(isCopyInMemory) : undefined;
      const victim =
        copied ?? this.#fragments.find((fragment) => fragment.file === undefined && mayGo(fragment));
      if (victim === undefined) return;
      if (victim === copied) this.#unload(victim);
      else this.#drop(victim);
    }
  }

  /** Gives up the oldest fragment on the disk; undefined when none may go. */
  dropOldestStored(): Fragment | undefined {
    const victim = this.#fragments.find((fragment) => fragment.file !== undefined && mayGo(fragment));
    if (victim !== undefined) this.#drop(victim);
    return victim;
  }

  /** Gives up what is on the disk and older than `epochMs`. */
  dropStoredBefore(epochMs: number): void {
    const old = this.#fragments.filter(
      (fragment) => fragment.file !== undefined && fragment.lastTimecodeMs < epochMs && mayGo(fragment),
    );
    for (const fragment of old) this.#drop(fragment);
  }

  /** What was held is wanted. Answers the fragments it gave free. */
  sendHeld(): Fragment[] {
    const held = this.#fragments.filter(({ state }) => state === 'held');
    for (const fragment of held) fragment.state = 'waiting';
    return held;
  }

  /** Forgets what is held and older than `epochMs`, uncounted: nobody wanted it. */
  forgetHeldBefore(epochMs: number): void {
    const old = this.#fragments.filter(
      (fragment) => fragment.state === 'held' && fragment.closed && fragment.lastTimecodeMs < epochMs,
    );
    for (const fragment of old) this.remove(fragment);
  }

  /** Forgets all that is not being captured or sent, uncounted: it belongs to an owner who has left. */
  forgetAll(): void {
    for (const fragment of this.#fragments.filter(mayGo)) {
      this.remove(fragment);
      fragment.release();
    }
  }

  /** How long the pictures last that are wanted and not persisted, without the gaps between fragments. */
  get behindMs(): number {
    return sumOf(this.#fragments, ({ state, durationMs }) => (state === 'held' ? 0 : durationMs));
  }

  #unload(fragment: Fragment): void {
    fragment.unload();
    this.#resident.delete(fragment);
  }

  #drop(fragment: Fragment): void {
    this.remove(fragment);
    // What was sent as a whole may well be persisted yet; whether it is lost shows when its connection ends.
    if (fragment.state === 'waiting') this.#dropped++;
    fragment.release();
  }
}

function mayGo(fragment: Fragment): boolean {
  return fragment.closed && fragment.state !== 'sending';
}

function isCopyInMemory(fragment: Fragment): boolean {
  return fragment.resident && fragment.file !== undefined && fragment.state !== 'sending';
}

function durationInMemoryOnly({ file, durationMs }: Fragment): number {
  return file === undefined ? durationMs : 0;
}

function sumOf(fragments: Iterable<Fragment>, measure: (fragment: Fragment) => number): number {
  let sum = 0;
  for (const fragment of fragments) sum += measure(fragment);
  return sum;
}
