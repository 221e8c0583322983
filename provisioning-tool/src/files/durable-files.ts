import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCodeOf } from '../refusal.ts';

export const privateFileMode = 0o600;
export const privateDirectoryMode = 0o700;

interface DirectorySync {
  done: Promise<void>;
  /** Begins when this one has ended; whoever asks meanwhile shares it. */
  next: Promise<void> | undefined;
}

const underWay = new Map<string, DirectorySync>();

/**
 * Makes names in a directory (created, renamed, removed) survive a power cut. Calls that come while the directory is being
 * synced share the next sync (group commit): that one begins after their names were there, the one under way may not have.
 */
export function syncDirectory(path: string): Promise<void> {
  const current = underWay.get(path);
  if (!current) return beginSync(path);
  current.next ??= current.done.then(() => beginSync(path));
  return current.next;
}

function beginSync(path: string): Promise<void> {
  const sync: DirectorySync = { done: syncNow(path), next: undefined };
  underWay.set(path, sync);
  const leave = () => {
    if (!sync.next) underWay.delete(path);
  };
  // One that failed takes along who waits for the next: what it was to write may be lost.
  const fail = () => void underWay.delete(path);
  sync.done.then(leave, fail);
  return sync.done;
}

async function syncNow(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A directory for the owner alone; its parents are made too. An existing one that is open to others is closed. */
export async function ensurePrivateDirectory(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: privateDirectoryMode });
  if (made !== undefined) {
    // Each new name, from the innermost to the outermost.
    let parent = path;
    do {
      parent = dirname(parent);
      await syncDirectory(parent);
    } while (parent.length > dirname(made).length);
    return;
  }
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) await chmod(path, privateDirectoryMode);
}

/** A new file with its content on the disk. Fails when the name is taken. */
export async function writeNewFile(path: string, content: string | Buffer): Promise<void> {
  const handle = await open(path, 'wx', privateFileMode);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Replaces a file so that after a power cut at any instant either the old or the new content is there, whole:
 * temporary file, fsync, rename, fsync of the directory. Mode 0600.
 */
export async function writeFileDurably(path: string, content: string | Buffer): Promise<void> {
  const directory = dirname(path);
  // Always the same name, so that what a cut left behind (it may hold secrets) goes with the next write.
  const temporary = join(directory, `.${basename(path)}.partial`);
  await rm(temporary, { force: true });
  await writeNewFile(temporary, content);
  await rename(temporary, path);
  await syncDirectory(directory);
}

/**
 * Makes a directory of files appear at `path` all at once: built beside it, synced, then renamed.
 * Fails when `path` is there already.
 */
export async function writeDirectoryDurably(path: string, files: Record<string, string>): Promise<void> {
  const parent = dirname(path);
  const temporary = join(parent, `.${basename(path)}.partial`);
  await makeEmptyDirectory(temporary);
  await Promise.all(
    Object.entries(files).map(([name, content]) => writeNewFile(join(temporary, name), content)),
  );
  await syncDirectory(temporary);
  await rename(temporary, path);
  await syncDirectory(parent);
}

/** What a cut left there is removed; mostly there is nothing, and nothing is looked for. */
async function makeEmptyDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: privateDirectoryMode });
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
    await rm(path, { recursive: true, force: true });
    await mkdir(path, { mode: privateDirectoryMode });
  }
}

/** Moves a file or directory; both directories are synced. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await Promise.all([syncDirectory(dirname(from)), syncDirectory(dirname(to))]);
}

export async function exists(path: string): Promise<boolean> {
  return (await findMode(path)) !== undefined;
}

/** Permission bits, or undefined when there is nothing. */
export async function findMode(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode & 0o777;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export async function findTextFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
