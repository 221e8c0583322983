import type { Clock } from '../host/clock.ts';

interface Timer {
  at: number;
  fn: () => void;
}

/** A clock that stands still until `advance` moves it. */
export class FakeClock implements Clock {
  #elapsed = 0;
  #epoch: number;
  readonly #timers = new Set<Timer>();
  #armed: (() => void)[] = [];

  constructor(epochMs = Date.UTC(2026, 10, 20)) {
    this.#epoch = epochMs;
  }

  now(): number {
    return this.#epoch + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(ms: number, fn: () => void): () => void {
    const timer: Timer = { at: this.#elapsed + ms, fn };
    this.#timers.add(timer);
    for (const resolve of this.#armed.splice(0)) resolve();
    return () => void this.#timers.delete(timer);
  }

  /** Timers that wait, as milliseconds from now, soonest first. */
  get pending(): number[] {
    return [...this.#timers].map((timer) => timer.at - this.#elapsed).sort((a, b) => a - b);
  }

  /** Resolves when something waits for this clock. */
  async untilPending(): Promise<void> {
    if (this.#timers.size === 0) await new Promise<void>((resolve) => this.#armed.push(resolve));
  }

  /** Moves time and runs what falls due, in order; promises settled on the way are let through in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await settle();
    for (let timer = this.#nextBefore(end); timer !== undefined; timer = this.#nextBefore(end)) {
      this.#elapsed = timer.at;
      this.#timers.delete(timer);
      timer.fn();
      await settle();
    }
    this.#elapsed = end;
  }

  /** Sets the wall clock, as an operator or NTP does; monotonic time goes on undisturbed. */
  setWallClock(epochMs: number): void {
    this.#epoch = epochMs - this.#elapsed;
  }

  #nextBefore(end: number): Timer | undefined {
    return [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
  }
}

/** Lets every promise that can settle without time or I/O do so. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
