/** Prints what happens, step by step with its time, as people like to read it: `✓ backend up                     1.2 s`. */
export class StepReport {
  readonly #write: (text: string) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #startedAt = performance.now();
  readonly #steps: { title: string; seconds: number }[] = [];

  /** Once `signal` is aborted, no step begins any more. */
  constructor({ write, signal }: { write?: (text: string) => void; signal?: AbortSignal } = {}) {
    this.#write = write ?? ((text) => process.stdout.write(text));
    this.#signal = signal;
  }

  heading(text: string): void {
    this.#write(`\n${text}\n`);
  }

  note(text: string): void {
    this.#write(`    ${text}\n`);
  }

  /** Runs one step; what it returns as `detail` stands behind the title. */
  async step<T>(title: string, work: () => Promise<T>, detail?: (result: T) => string): Promise<T> {
    this.#signal?.throwIfAborted();
    const startedAt = performance.now();
    try {
      const result = await work();
      this.#done('✓', title, startedAt, detail?.(result));
      return result;
    } catch (error) {
      this.#done('✗', title, startedAt);
      throw error;
    }
  }

  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  get steps(): readonly { title: string; seconds: number }[] {
    return this.#steps;
  }

  #done(mark: string, title: string, startedAt: number, detail?: string): void {
    const seconds = (performance.now() - startedAt) / 1000;
    this.#steps.push({ title, seconds });
    this.#write(
      `  ${mark} ${title.padEnd(58)} ${seconds.toFixed(1).padStart(6)} s${detail ? `   ${detail}` : ''}\n`,
    );
  }
}
