import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** SQLite's result code for a lock that another connection holds. */
const sqliteBusy = 5;

/**
 * Keeps two simulators off one folder. A lock of the operating system (through SQLite), which a killed process cannot
 * leave behind; the number of a process alone may be another program's after a restart of the machine.
 */
export class SystemLock {
  readonly #folder: string;
  #lock: DatabaseSync | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Throws a sentence when another simulator holds the folder. */
  take(): void {
    const pidFile = join(this.#folder, 'simulator.pid');
    const lock = new DatabaseSync(join(this.#folder, 'simulator.lock'));
    try {
      lock.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      lock.close();
      if ((error as { errcode?: number }).errcode !== sqliteBusy) throw error;
    }
    if (!lock.isOpen)
      throw new Error(
        `The local system in this folder is running already (process ${readFileSync(pidFile, 'utf8')}). Use it, or stop it with Ctrl-C in its terminal.`,
      );
    writeFileSync(pidFile, String(process.pid), { mode: 0o600 });
    this.#lock = lock;
  }

  /** Safe to call twice. */
  release(): void {
    this.#lock?.close();
    this.#lock = undefined;
  }
}
