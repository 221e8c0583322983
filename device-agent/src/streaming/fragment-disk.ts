import { mkdir, readdir, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../host/logger.ts';
import { Fragment, type Segment } from './fragment.ts';
import type { FragmentBacking } from './fragment-buffer.ts';
import {
  type FragmentFileHead,
  fragmentFileBytes,
  readFragmentBody,
  readFragmentHead,
  writeFragmentFile,
} from './fragment-file.ts';

export interface FragmentDiskOptions {
  directory: string;
  /** All files together. */
  maxBytes: number;
  /** What the agent's user may still write on this disk; undefined when it cannot be told. */
  freeBytes: () => number | undefined;
  logger: Logger;
}

/** Left to everything else on the disk: the outbound queue, the machine itself. */
const reservedBytes = 64 * 1024 * 1024;
/** Files count up in the order of capture, which a clock that is set does not change. */
const fileName = /^(\d{12})\.fragment$/;

/**
 * Fragments on the disk, a file each. One job after the other, so that what is removed has been written before. Failures of
 * the disk are told in the log once, and by `failure` until it takes something again.
 */
export class FragmentDisk implements FragmentBacking {
  readonly #options: FragmentDiskOptions;
  #next = 1;
  #bytes = 0;
  /** Unless it knows what is there it would write over it. */
  #opened = false;
  #failure: string | undefined;
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: FragmentDiskOptions) {
    this.#options = options;
  }

  /** Of all files. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Why nothing is written; undefined while all is well. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** What an earlier run left, oldest first; whether the service has it, it may know. Half-written files are removed. */
  open(): Promise<Fragment[]> {
    return this.#queue(async () => {
      try {
        const found = await this.#readAll();
        this.#opened = true;
        return found;
      } catch (error) {
        this.#fail(error);
        return [];
      }
    });
  }

  /** How much must go before the fragment has room, in bytes; not positive when it fits. */
  bytesMissingFor(fragment: Fragment): number {
    const { maxBytes, freeBytes } = this.#options;
    const bytes = fragmentFileBytes(fragment);
    const free = freeBytes() ?? Number.POSITIVE_INFINITY;
    return Math.max(this.#bytes + bytes - maxBytes, bytes + reservedBytes - free);
  }

  /** Puts the fragment on the disk, where it survives a power cut. False when the disk does not take it. */
  store(fragment: Fragment): Promise<boolean> {
    return this.#queue(async () => {
      const { directory } = this.#options;
      if (!this.#opened) return false;
      const name = `${String(this.#next++).padStart(12, '0')}.fragment`;
      const path = join(directory, name);
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        await writeFragmentFile(path, fragment);
      } catch (error) {
        this.#fail(error);
        await rm(`${path}.new`, { force: true }).catch(() => undefined);
        return false;
      }
      fragment.file = name;
      this.#bytes += fragmentFileBytes(fragment);
      this.#succeed();
      return true;
    });
  }

  read({ file = '', timecodeMs }: Fragment): Promise<Buffer | undefined> {
    const path = join(this.#options.directory, file);
    return readFragmentBody(path)
      .catch(() => undefined)
      .then((body) => {
        if (body === undefined)
          this.#options.logger.error(
            { path, timecodeMs },
            'A fragment on the disk is damaged: it is given up.',
          );
        return body;
      });
  }

  remove(fragment: Fragment): void {
    const { file } = fragment;
    if (file === undefined) return;
    this.#bytes -= fragmentFileBytes(fragment);
    // A file that stays is found at the next start; the service is asked then whether it has it.
    void this.#queue(() => unlink(join(this.#options.directory, file)).catch(() => undefined));
  }

  /** There is no room, and none to be had. */
  refuse(): void {
    this.#fail(
      new Error(`less than ${reservedBytes / 1024 / 1024} MiB are free, which are left to all else`),
    );
  }

  /** Removes every file; rejects when one stays. */
  wipe(): Promise<void> {
    return this.#queue(async () => {
      await rm(this.#options.directory, { recursive: true, force: true });
      this.#bytes = 0;
    });
  }

  /** Resolves when everything asked for so far is done. */
  async settled(): Promise<void> {
    await this.#work;
  }

  async #readAll(): Promise<Fragment[]> {
    const { directory, logger } = this.#options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const fragments: Fragment[] = [];
    const segments = new Map<string, Segment>();
    for (const name of (await readdir(directory)).sort()) {
      const path = join(directory, name);
      const number = Number(fileName.exec(name)?.[1] ?? Number.NaN);
      const head = Number.isNaN(number) ? undefined : await readFragmentHead(path).catch(() => undefined);
      if (!Number.isNaN(number)) this.#next = Math.max(this.#next, number + 1);
      if (head !== undefined) fragments.push(this.#recover(name, head, segments));
      else {
        logger.warn({ path }, 'A file of the video buffer is not whole: it is removed.');
        await rm(path, { recursive: true, force: true });
      }
    }
    return fragments;
  }

  #recover(file: string, head: FragmentFileHead, segments: Map<string, Segment>): Fragment {
    const key = head.header.toString('latin1');
    const segment = segments.get(key) ?? { header: head.header };
    segments.set(key, segment);
    const fragment = Fragment.stored({ ...head, segment, file });
    fragment.doubtful = true;
    this.#bytes += fragmentFileBytes(fragment);
    return fragment;
  }

  #queue<T>(job: () => Promise<T>): Promise<T> {
    const done = this.#work.then(job);
    this.#work = done.catch(() => undefined);
    return done;
  }

  #fail(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (this.#failure === undefined)
      this.#options.logger.error(
        { path: this.#options.directory },
        `Video cannot be put on the disk (${reason}): free space on it and make it writable. Until then it waits in ` +
          'memory, where a restart loses it.',
      );
    this.#failure = reason;
  }

  #succeed(): void {
    if (this.#failure !== undefined) this.#options.logger.info('Video that waits is on the disk again.');
    this.#failure = undefined;
  }
}
