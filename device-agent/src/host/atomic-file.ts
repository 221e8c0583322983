import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from './logger.ts';

/**
 * Replaces a file so that, whenever power dies, either the old or the new content is there: write beside it, fsync,
 * rename, fsync the directory.
 */
export async function writeFileAtomically(path: string, content: string): Promise<void> {
  const beside = `${path}.new`;
  const file = await open(beside, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * As `writeFileAtomically`, for what the agent can do without: a full or read-only disk is said in the log and must not
 * keep the board from its work.
 */
export async function keepFile(path: string, content: string, logger: Logger): Promise<void> {
  try {
    await writeFileAtomically(path, content);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logger.warn(
      { path },
      `The state directory cannot be written (${reason}): free space on its disk and make it writable. The agent ` +
        'works on; after a restart it may not know its latest settings until it is connected.',
    );
  }
}

/** The file's JSON, or undefined when there is none or it is damaged: what is kept here can always be made anew. */
export async function readJsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
