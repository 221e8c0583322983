import type { Server, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

export interface DrainTimes {
  /** Kept-alive connections get this long to leave by themselves. */
  leaveMs: number;
  /** Requests under way get this long on top. */
  endMs: number;
}

const sweepMs = 100;

/**
 * Ends a server without losing a request. Closing a kept-alive connection at the moment its client sends the next
 * request would lose that, so at first every answer says `Connection: close` (RFC 9112, 9.6) and clients leave; then
 * no new connections are taken, idle ones closed, requests under way awaited, and what is left then is cut.
 */
export async function drain(server: Server, { leaveMs, endMs }: DrainTimes): Promise<void> {
  server.prependListener('request', (_request, response: ServerResponse) => {
    response.setHeader('Connection', 'close');
  });
  if ((await connectionsOf(server)) > 0) await wait(leaveMs);
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // A connection kept alive becomes idle only when its request ends; nobody else closes it then.
  const sweep = setInterval(() => server.closeIdleConnections(), sweepMs);
  const cut = setTimeout(() => server.closeAllConnections(), endMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}
