import type { Clock } from '../clock.ts';

interface Sleeper {
  at: number;
  wake: () => void;
}

/** Time that passes only when a test says so. */
export class FakeClock implements Clock {
  static readonly start = Date.parse('2026-03-01T08:00:00Z');
  #now = FakeClock.start;
  #sleepers: Sleeper[] = [];

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      this.#sleepers.push({ at: this.#now + ms, wake: resolve });
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  /** Lets `ms` pass; whoever wakes in between acts at its own time. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#settle();
    for (let next = this.#next(); next && next.at <= end; next = this.#next()) await this.#wake(next);
    this.#now = end;
    await this.#settle();
  }

  /** Lets as much time pass as it takes until `work` has ended. */
  async runUntil(work: Promise<unknown>): Promise<void> {
    let ended = false;
    const end = () => {
      ended = true;
    };
    work.then(end, end);
    await this.#settle();
    while (!ended) {
      const next = this.#next();
      if (!next) throw new Error('nobody sleeps, and the work has not ended');
      await this.#wake(next);
    }
  }

  #next(): Sleeper | undefined {
    return this.#sleepers.reduce<Sleeper | undefined>(
      (first, sleeper) => (first && first.at <= sleeper.at ? first : sleeper),
      undefined,
    );
  }

  async #wake(sleeper: Sleeper): Promise<void> {
    this.#sleepers.splice(this.#sleepers.indexOf(sleeper), 1);
    this.#now = Math.max(this.#now, sleeper.at);
    sleeper.wake();
    await this.#settle();
  }

  /** Promise callbacks run to their end before the event loop turns. */
  async #settle(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
