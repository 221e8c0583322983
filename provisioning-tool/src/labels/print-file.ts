import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { exists, privateFileMode, syncDirectory } from '../files/durable-files.ts';
import { Refusal } from '../refusal.ts';

/**
 * Makes a file of label sheets appear at `path` with all of its content, mode 0600. `settle` runs when it is on the disk
 * under another name, with its SHA-256: the ledger knows of every sheet before anybody can print it. Whatever fails,
 * no codes are left behind.
 */
export async function writePrintFile<T>(
  path: string,
  write: (sink: Writable) => Promise<T>,
  settle: (sha256: string) => Promise<void>,
): Promise<T> {
  if (await exists(path))
    throw new Refusal('conflict', `${path} is there already; remove it, or give another name with --out.`);
  const partial = join(dirname(path), `.${basename(path)}.partial`);
  await rm(partial, { force: true });
  try {
    const hash = createHash('sha256');
    const file = createWriteStream(partial, { flags: 'wx', mode: privateFileMode });
    const hashing = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        done(undefined, chunk);
      },
    });
    const writing = write(hashing).catch((error: unknown) => {
      hashing.destroy();
      throw error;
    });
    const [stored, written] = await Promise.allSettled([pipeline(hashing, file), writing]);
    if (written.status === 'rejected') throw written.reason;
    if (stored.status === 'rejected') throw stored.reason;
    await syncFile(partial);
    await settle(hash.digest('hex'));
    await rename(partial, path);
    await syncDirectory(dirname(path));
    return written.value;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes what prints that were killed left in a folder of sheets: it may hold codes. */
export async function clearPartials(directory: string): Promise<void> {
  for (const name of await readdir(directory))
    if (name.startsWith('.') && name.endsWith('.partial')) await rm(join(directory, name), { force: true });
}
