import { once } from 'node:events';
import { unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { openSocketPath, type SocketPath } from './socket-path.ts';
import { isCode } from './status-client.ts';

/**
 * A socket in the state directory, which the agent's user alone may open. What a killed agent left in its place is
 * replaced: the status server holds the directory's lock, so nobody else can be listening on it.
 */
export class LocalSocketServer {
  readonly #directory: string;
  readonly #file: string;
  readonly #onConnection: (connection: Socket) => void;
  readonly #connections = new Set<Socket>();
  #server: Server | undefined;
  #socket: SocketPath | undefined;

  /** `onConnection` answers and ends the connection; its errors are no concern of anybody's. */
  constructor(directory: string, file: string, onConnection: (connection: Socket) => void) {
    this.#directory = directory;
    this.#file = file;
    this.#onConnection = onConnection;
  }

  get listening(): boolean {
    return this.#server !== undefined;
  }

  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    const socket = openSocketPath(this.#directory, this.#file);
    try {
      await unlink(socket.path).catch((error: unknown) => {
        if (!isCode(error, 'ENOENT')) throw error;
      });
      // The client ends its half when it has said everything, and then waits for the answer.
      const server = createServer({ allowHalfOpen: true }, (connection) => this.#accept(connection));
      server.listen(socket.path);
      await once(server, 'listening');
      this.#server = server;
      this.#socket = socket;
    } catch (error) {
      socket.release();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    if (this.#socket !== undefined) await unlink(this.#socket.path).catch(() => {});
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const connection of this.#connections) connection.destroy();
    await closed;
    this.#socket?.release();
  }

  #accept(connection: Socket): void {
    this.#connections.add(connection);
    connection.on('error', () => {});
    connection.on('close', () => this.#connections.delete(connection));
    this.#onConnection(connection);
  }
}
