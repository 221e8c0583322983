import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** As libfaketime writes it: seconds, days and the like from the true time, or `@` and a time. */
export type ClockOffset = '+0' | `${'+' | '-'}${number}${'s' | 'm' | 'h' | 'd' | 'y'}`;

/**
 * The clock of one board, which is this machine's and an offset that can be changed while its agent runs: Debian's libfaketime, preloaded.
 * Monotonic time is not touched.
 */
export class FakedClock {
  readonly #file: string;

  constructor(folder: string, offset: ClockOffset = '+0') {
    this.#file = join(folder, 'board-clock');
    this.set(offset);
  }

  set(offset: ClockOffset): void {
    // In one piece: the agent reads it whenever it asks for the time.
    writeFileSync(`${this.#file}.new`, `${offset}\n`);
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** A program that sets this clock right in the place of `date -u -s`, whatever it is told. */
  programThatSetsIt(): string {
    const script = `${this.#file}-program`;
    writeFileSync(script, `#!/bin/sh\necho "$1" >'${this.#file}.told'\necho +0 >'${this.#file}'\n`, {
      mode: 0o755,
    });
    return script;
  }

  /** The environment of a process whose clock this is. */
  get environment(): Record<string, string> {
    return {
      LD_PRELOAD: library(),
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }
}

/** Where Debian's package `faketime` has it, on any architecture. */
function library(): string {
  const found = readdirSync('/usr/lib')
    .map((triplet) => join('/usr/lib', triplet, 'faketime'))
    .flatMap((folder) => {
      try {
        return readdirSync(folder).map((name) => join(folder, name));
      } catch {
        return [];
      }
    })
    .find((path) => path.endsWith('/libfaketimeMT.so.1'));
  if (found === undefined) throw new Error('libfaketime is not there: install the package faketime.');
  return found;
}
