import type { Fragment } from './fragment.ts';

export interface FragmentBufferLimits {
  maxBytes: number;
  /** Of the pictures kept, without the gaps between them: those may come from a clock that was set. */
  maxDurationMs: number;
}

/**
 * Fragments in memory, oldest first, from their first picture until the service has persisted them. When they are too
 * many the oldest go, whole; one that is being sent or captured stays.
 */
export class FragmentBuffer {
  readonly #limits: FragmentBufferLimits;
  #fragments: Fragment[] = [];
  #dropped = 0;

  constructor(limits: FragmentBufferLimits) {
    this.#limits = limits;
  }

  get fragments(): readonly Fragment[] {
    return this.#fragments;
  }

  get bytes(): number {
    return this.#fragments.reduce((sum, fragment) => sum + fragment.bytes, 0);
  }

  /** Fragments lost for want of room. */
  get dropped(): number {
    return this.#dropped;
  }

  add(fragment: Fragment): void {
    this.#fragments.push(fragment);
  }

  /** The oldest fragment that waits to be sent. */
  nextWaiting(): Fragment | undefined {
    return this.#fragments.find((fragment) => fragment.state === 'waiting');
  }

  /** The service has it, or never will. */
  remove(fragment: Fragment): void {
    const index = this.#fragments.indexOf(fragment);
    if (index !== -1) this.#fragments.splice(index, 1);
  }

  /** A connection was lost: the fragment has to be sent again, if its bytes are still there. */
  sendAgain(fragment: Fragment): void {
    fragment.state = 'waiting';
    if (fragment.released) this.#dropped++;
  }

  /** Keeps to the limits. */
  trim(): void {
    let bytes = this.bytes;
    while (bytes > this.#limits.maxBytes || this.durationMs > this.#limits.maxDurationMs) {
      const victim = this.#fragments.find(mayGo);
      if (victim === undefined) return;
      bytes -= victim.bytes;
      this.#evict(victim);
    }
  }

  /** What was held is wanted. Answers the fragments it gave free. */
  sendHeld(): Fragment[] {
    const held = this.#fragments.filter(({ state }) => state === 'held');
    for (const fragment of held) fragment.state = 'waiting';
    return held;
  }

  /** Forgets what is held and older than `epochMs`, uncounted: nobody wanted it. */
  forgetHeldBefore(epochMs: number): void {
    this.#fragments = this.#fragments.filter(
      (fragment) => fragment.state !== 'held' || !fragment.closed || fragment.lastTimecodeMs >= epochMs,
    );
  }

  /** Forgets all that is not being captured or sent, uncounted: it belongs to an owner who has left. */
  forgetAll(): void {
    for (const fragment of this.#fragments.filter(mayGo)) {
      this.remove(fragment);
      fragment.release();
    }
  }

  /** How long the pictures kept last, without the gaps between fragments. */
  get durationMs(): number {
    return this.#fragments.reduce((sum, { durationMs }) => sum + durationMs, 0);
  }

  #evict(fragment: Fragment): void {
    this.remove(fragment);
    // What was sent as a whole may well be persisted yet; whether it is lost shows when its connection ends.
    if (fragment.state === 'waiting') this.#dropped++;
    fragment.release();
  }
}

function mayGo(fragment: Fragment): boolean {
  return fragment.closed && fragment.state !== 'sending';
}
