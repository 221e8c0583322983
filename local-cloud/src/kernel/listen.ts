import { randomInt } from 'node:crypto';
import type { Server } from 'node:net';
import { hasCode } from './errno.ts';

/**
 * Where free ports are taken from: above what well-known programs use, below the ranges from which operating systems
 * give outgoing connections their ports (Linux from 32768, RFC 6335 from 49152). A port that is remembered is then not
 * held by somebody's connection at the next start.
 */
export const freePorts = { first: 20_000, last: 32_767 } as const;

const attempts = 200;

export interface ListenOptions {
  /** Connections that may wait to be accepted. */
  backlog?: number;
  /** The next candidate for a free port; random by default. */
  candidate?: () => number;
}

/**
 * Listens on 127.0.0.1 and returns the port; 0 takes a free one of `freePorts`. Rejects with the operating system's
 * error (EADDRINUSE).
 */
export async function listen(
  server: Server,
  port: number,
  { backlog = 511, candidate = randomPort }: ListenOptions = {},
): Promise<number> {
  if (port !== 0) return bind(server, port, backlog);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await bind(server, candidate(), backlog);
    } catch (error) {
      // EACCES: Windows keeps ranges of ports to itself.
      const taken = hasCode(error, 'EADDRINUSE') || hasCode(error, 'EACCES');
      if (!taken || attempt === attempts) throw error;
    }
  }
}

async function bind(server: Server, port: number, backlog: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error): void => {
      server.off('listening', succeed);
      reject(error);
    };
    const succeed = (): void => {
      server.off('error', fail);
      resolve();
    };
    server.once('error', fail);
    server.once('listening', succeed);
    server.listen({ port, host: '127.0.0.1', backlog });
  });
  return port;
}

function randomPort(): number {
  return randomInt(freePorts.first, freePorts.last + 1);
}

/** Closes the server and the connections it has; resolves at once when it does not listen. */
export async function close(server: Server & { closeAllConnections?(): void }): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections?.();
  });
}
