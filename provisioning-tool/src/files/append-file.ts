import { type FileHandle, open } from 'node:fs/promises';
import { privateFileMode } from './durable-files.ts';

interface Waiting {
  text: string;
  onDisk: (() => void) | undefined;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * A file that only grows. An `append` resolves once its text is on the disk (fdatasync); appends that come while
 * the disk is busy share one write and one sync (group commit). After a failed write the end of the file is
 * unknown, so every later append fails with the same error until the file is opened, and thereby mended, again.
 */
export class AppendFile {
  readonly path: string;
  #handle: FileHandle;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #broken: { cause: unknown } | undefined;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /**
   * `validBytes`: what to keep of the present content; a torn tail beyond it is cut off. What is kept is synced: lines that a
   * killed process wrote whole may still be in memory only, and whoever reads them builds on them.
   */
  static async open(path: string, validBytes: number): Promise<AppendFile> {
    const handle = await open(path, 'a', privateFileMode);
    try {
      const { size } = await handle.stat();
      if (size > validBytes) {
        await handle.truncate(validBytes);
        await handle.sync();
      } else if (size > 0) await handle.datasync();
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new AppendFile(path, handle);
  }

  /** `onDisk`: called once the text is on the disk, for the last of those that share a sync. */
  append(text: string, onDisk?: () => void): Promise<void> {
    if (this.#broken) return Promise.reject(this.#broken.cause);
    const written = new Promise<void>((resolve, reject) =>
      this.#waiting.push({ text, onDisk, resolve, reject }),
    );
    this.#flushing ??= this.#flush();
    return written;
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#handle.close();
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        if (this.#broken) throw this.#broken.cause;
        await this.#handle.appendFile(group.map(({ text }) => text).join(''));
        await this.#handle.datasync();
        group.at(-1)?.onDisk?.();
        for (const { resolve } of group) resolve();
      } catch (error) {
        this.#broken ??= { cause: error };
        for (const { reject } of group) reject(error);
      }
    }
    this.#flushing = undefined;
  }
}
