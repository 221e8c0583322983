import type { Server } from 'node:net';

/** Listens on 127.0.0.1 and returns the port; rejects with the operating system's error (EADDRINUSE). */
export async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** Closes the server and the connections it has; resolves at once when it does not listen. */
export async function close(server: Server & { closeAllConnections?(): void }): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections?.();
  });
}
