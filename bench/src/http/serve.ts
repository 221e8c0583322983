import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a measured server tells its parent. */
export type ServerMessage = { port: number } | { cpuMs: number };

/** Listens on a free loopback port, tells which, and from then on how much CPU it has used whenever it is asked. */
export async function serve(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const tell = (message: ServerMessage): void => {
    process.send?.(message);
  };
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    tell({ cpuMs: (user + system) / 1_000 });
  });
  process.on('disconnect', () => process.exit());
  tell({ port: (server.address() as AddressInfo).port });
}
