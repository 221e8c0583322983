import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';

/** Frees the directory; safe to call twice. */
export type Release = () => Promise<void>;

/**
 * Takes a directory for this process. On Linux the lock is a socket in the abstract namespace (unix(7)), named after the
 * directory's device and inode: taking it is one step, and the kernel frees it when the process ends in any way. Elsewhere
 * (development only) there is none, and two starts in the same moment are not told apart.
 *
 * @returns undefined when another process has it
 */
export async function lockDirectory(directory: string): Promise<Release | undefined> {
  if (process.platform !== 'linux') return async () => {};
  const { dev, ino } = await stat(directory, { bigint: true });
  const name = createHash('sha256').update(`${dev}:${ino}`).digest('hex');
  const server = createServer((connection) => connection.destroy());
  server.listen(`\0aovis-agent-${name}`);
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
    });
}
