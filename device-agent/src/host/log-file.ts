import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface LogFileOptions {
  directory: string;
  /** Of each of the two files, bytes. */
  maxBytes?: number;
}

const defaultMaxBytes = 512 * 1024;

/** The older file first. */
export const logFileNames = ['agent.log.1', 'agent.log'] as const;

/**
 * The last lines of the log on the disk, for boards without journald: two files of bounded size, the older of which makes
 * room for the newer. What the disk does not take is lost here without a word; standard error has it.
 */
export class LogFile {
  readonly #directory: string;
  readonly #maxBytes: number;
  #open: { descriptor: number; bytes: number } | undefined;

  constructor({ directory, maxBytes = defaultMaxBytes }: LogFileOptions) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
  }

  /** Written when it returns: a crash loses no line. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    try {
      const file = this.#fileFor(bytes.length);
      file.bytes += writeSync(file.descriptor, bytes);
    } catch {
      this.close();
    }
  }

  close(): void {
    if (this.#open === undefined) return;
    const { descriptor } = this.#open;
    this.#open = undefined;
    closeSync(descriptor);
  }

  /** Forgets all lines; those that come go on as before. Throws when some stay on the disk. */
  wipe(): void {
    this.close();
    for (const name of logFileNames) rmSync(join(this.#directory, name), { force: true });
  }

  #fileFor(bytes: number): { descriptor: number; bytes: number } {
    this.#open ??= this.#openFile();
    if (this.#open.bytes > 0 && this.#open.bytes + bytes > this.#maxBytes) {
      this.close();
      const [older, newer] = logFileNames.map((name) => join(this.#directory, name)) as [string, string];
      rmSync(older, { force: true });
      renameSync(newer, older);
      this.#open = this.#openFile();
    }
    return this.#open;
  }

  #openFile(): { descriptor: number; bytes: number } {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const descriptor = openSync(join(this.#directory, logFileNames[1]), 'a', 0o600);
    return { descriptor, bytes: fstatSync(descriptor).size };
  }
}
