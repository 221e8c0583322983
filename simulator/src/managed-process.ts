import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

const tether = new URL('./tether.js', import.meta.url).href;
const stopGraceMs = 10_000;
/** Lines kept to explain a program that ended by itself. */
const keptLines = 20;

export interface ProgramOptions {
  name: string;
  /** Arguments to node: script first. */
  args: readonly string[];
  /** The whole environment of the program: nothing is inherited but PATH and HOME. */
  env: Record<string, string>;
  /** Where stdout and stderr go, both, appended. */
  logFile: string;
  cwd?: string;
  /** The node to run it with; the simulator's own unless set. */
  node?: string;
}

/** A Node program started by the simulator, tethered to it: it ends when the simulator ends. */
export class ManagedProcess {
  readonly name: string;
  readonly #options: ProgramOptions;
  readonly #child: ChildProcess;
  readonly #recent: string[] = [];
  readonly #lineListeners = new Set<(line: string) => void>();
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #stopping = false;

  constructor(options: ProgramOptions) {
    this.name = options.name;
    this.#options = options;
    mkdirSync(dirname(options.logFile), { recursive: true });
    const log = createWriteStream(options.logFile, { flags: 'a', mode: 0o600 });
    this.#child = spawn(options.node ?? process.execPath, ['--import', tether, ...options.args], {
      cwd: options.cwd,
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Ctrl-C in the terminal reaches the simulator alone; it stops the programs in order.
      detached: true,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      stream.pipe(log, { end: false });
      createInterface({ input: stream }).on('line', (line) => this.#heard(line));
    }
    this.exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve({ code, signal }));
      this.#child.once('error', () => resolve({ code: 127, signal: null }));
    });
    void this.exited.then(() => log.end());
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves with the first line that `match` takes; rejects with the program's last words when it ends before. */
  async line<T>(match: (line: string) => T | undefined, signal?: AbortSignal): Promise<T> {
    for (const line of this.#recent) {
      const value = match(line);
      if (value !== undefined) return value;
    }
    return new Promise<T>((resolve, reject) => {
      const listener = (line: string): void => {
        const value = match(line);
        if (value !== undefined) settle(() => resolve(value));
      };
      const abort = (): void => settle(() => reject(signal?.reason as Error));
      const settle = (act: () => void): void => {
        this.#lineListeners.delete(listener);
        signal?.removeEventListener('abort', abort);
        act();
      };
      this.#lineListeners.add(listener);
      signal?.addEventListener('abort', abort);
      void this.exited.then(() => settle(() => reject(this.failure())));
    });
  }

  /** Why the program is gone, with its last lines. */
  failure(): ProgramEnded {
    return new ProgramEnded(
      `${this.name} ended by itself. Its last lines (all of it is in ${this.#options.logFile}):\n${this.#recent.map((line) => `  ${line}`).join('\n')}`,
    );
  }

  /** Asks it to end and waits; ends it by force after ten seconds. Safe to call twice. */
  async stop(): Promise<void> {
    if (this.running && !this.#stopping) {
      this.#stopping = true;
      this.#child.kill('SIGTERM');
    }
    const force = setTimeout(() => this.#child.kill('SIGKILL'), stopGraceMs);
    await this.exited;
    clearTimeout(force);
    if (this.#child.connected) this.#child.disconnect();
  }

  /** kill -9, for tests of recovery. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  #heard(line: string): void {
    this.#recent.push(line);
    if (this.#recent.length > keptLines) this.#recent.shift();
    for (const listener of this.#lineListeners) listener(line);
  }
}

/** A program of the system is gone that should be there; waiting for it is in vain. */
export class ProgramEnded extends Error {}

export interface ProgramResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end and returns what it printed. */
export async function runProgram(options: Omit<ProgramOptions, 'logFile'>): Promise<ProgramResult> {
  const child = spawnProgram(options);
  const text = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text.stdout += chunk));
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text.stderr += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { exitCode: code ?? 1, ...text };
}

/** As `runProgram`; throws with what the program said when it did not exit 0. */
export async function expectProgram(options: Omit<ProgramOptions, 'logFile'>): Promise<ProgramResult> {
  const result = await runProgram(options);
  if (result.exitCode !== 0) {
    throw new Error(
      `${options.name} failed with exit code ${result.exitCode}:\n${result.stderr || result.stdout}`,
    );
  }
  return result;
}

/** Runs a program to its end, shows what it prints as it comes, and answers its exit code. */
export async function runShown(
  options: Omit<ProgramOptions, 'logFile'>,
  write: (text: string) => void,
): Promise<number> {
  const child = spawnProgram(options);
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', write);
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}

function spawnProgram(options: Omit<ProgramOptions, 'logFile'>): ChildProcess {
  return spawn(options.node ?? process.execPath, ['--import', tether, ...options.args], {
    cwd: options.cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
}
