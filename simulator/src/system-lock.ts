import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Keeps two simulators off one folder. A lock left by a killed process is taken over. */
export class SystemLock {
  readonly #file: string;
  #held = false;

  constructor(folder: string) {
    this.#file = join(folder, 'simulator.pid');
  }

  /** Throws a sentence when a living simulator holds the folder. */
  take(): void {
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        const descriptor = openSync(this.#file, 'wx', 0o600);
        writeSync(descriptor, String(process.pid));
        closeSync(descriptor);
        this.#held = true;
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = Number(readFileSync(this.#file, 'utf8'));
      if (holder > 0 && isAlive(holder)) {
        throw new Error(
          `The local system in this folder is running already (process ${holder}). Use it, or stop it with Ctrl-C in its terminal.`,
        );
      }
      unlinkSync(this.#file);
    }
    throw new Error(`Two simulators are being started on ${this.#file} at once. Start one.`);
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    unlinkSync(this.#file);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
