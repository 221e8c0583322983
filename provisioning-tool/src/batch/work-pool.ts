/** Runs work side by side, at most `limit` at once; whoever adds waits for a place. */
export class WorkPool {
  readonly #limit: number;
  readonly #running = new Set<Promise<void>>();
  #failure: { reason: unknown } | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Rejects with the first failure of any earlier work. */
  async add(work: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#limit && !this.#failure) await Promise.race(this.#running);
    if (this.#failure) throw this.#failure.reason;
    const running: Promise<void> = work()
      .catch((reason: unknown) => {
        this.#failure ??= { reason };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when everything has ended; then rejects with the first failure, if there was one. */
  async drain(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    if (this.#failure) throw this.#failure.reason;
  }
}
