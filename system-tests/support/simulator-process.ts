import { type ChildProcess, spawn } from 'node:child_process';

const main = new URL('../../simulator/src/main.ts', import.meta.url).pathname;

/** `npm run demo`, `npm start` and the like, as a person starts them: a process of its own. */
export class SimulatorProcess {
  readonly #child: ChildProcess;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #stdout = '';
  #stderr = '';
  readonly #listeners = new Set<() => void>();

  constructor(words: readonly string[], env: Record<string, string> = {}) {
    const { DATABASE_URL: _, ...inherited } = process.env;
    this.#child = spawn(process.execPath, [main, ...words], {
      env: { ...inherited, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      for (const listener of this.#listeners) listener();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.exited = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }
  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }
  get stdout(): string {
    return this.#stdout;
  }
  get stderr(): string {
    return this.#stderr;
  }

  /** Until this text was printed; rejects with all it said when it ends before. */
  async printed(text: string): Promise<void> {
    const said = new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.#stdout.includes(text)) resolve();
      };
      this.#listeners.add(look);
      look();
    });
    await Promise.race([
      said,
      this.exited.then(({ code }) => {
        if (!this.#stdout.includes(text))
          throw new Error(
            `The simulator ended with ${code} without saying «${text}»:\n${this.#stdout}${this.#stderr}`,
          );
      }),
    ]);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** For an afterAll: whatever became of it, it is gone then. */
  async end(): Promise<void> {
    if (this.running) this.#child.kill('SIGTERM');
    await this.exited;
  }
}
