import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes a directory and what is missing above it, with `mode`. Not by `mkdir`'s own `recursive`: where the system says of a
 * directory that is there that a child cannot be found, as below /proc, Node.js 20 to 24 try again for ever, on a thread that no
 * signal ends.
 */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  try {
    await makeOne(path, mode);
  } catch (error) {
    const parent = dirname(resolve(path));
    if (codeOf(error) !== 'ENOENT' || parent === resolve(path)) throw error;
    await makeDirectory(parent, mode);
    await makeOne(path, mode);
  }
}

/** One that is there already is as good; whether it can be used is asked elsewhere. */
async function makeOne(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
