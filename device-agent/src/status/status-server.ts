import { once } from 'node:events';
import { unlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import type { Part, PartHealth } from '../part.ts';
import { Refusal } from '../refusal.ts';
import type { AgentStatus } from './agent-status.ts';
import { openSocketPath, type SocketPath } from './socket-path.ts';
import { isCode, readStatus } from './status-client.ts';

export interface StatusServerOptions {
  /** The state directory. */
  directory: string;
  status: () => AgentStatus;
}

/**
 * Answers `aovis-agent status` on a socket in the state directory. The socket is the directory's lock as well: while
 * somebody answers on it no second agent starts, and one that was killed leaves a socket on which nobody does.
 */
export class StatusServer implements Part {
  readonly name = 'status';
  readonly #options: StatusServerOptions;
  #server: Server | undefined;
  #socket: SocketPath | undefined;

  constructor(options: StatusServerOptions) {
    this.#options = options;
  }

  async start(_signal: AbortSignal): Promise<void> {
    if (this.#server !== undefined) return;
    const socket = openSocketPath(this.#options.directory);
    try {
      this.#server = await this.#claim(socket.path);
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
    await new Promise<void>((resolve) => server.close(() => resolve()));
    this.#socket?.release();
  }

  health(): PartHealth {
    return { ok: this.#server !== undefined, detail: this.#options.directory };
  }

  async #claim(path: string): Promise<Server> {
    try {
      return await this.#listen(path);
    } catch (error) {
      if (!isCode(error, 'EADDRINUSE')) throw error;
    }
    const other = await readStatus(this.#options.directory);
    if (other !== undefined)
      throw new Refusal(
        'stateInUse',
        `Another agent (process ${other.pid}, ${other.device_id}) already uses the state directory ` +
          `${this.#options.directory}: stop it, or name another directory with --state DIR.`,
      );
    await unlink(path);
    return this.#listen(path);
  }

  async #listen(path: string): Promise<Server> {
    const server = createServer((connection) => {
      connection.on('error', () => {});
      connection.end(JSON.stringify(this.#options.status()));
    });
    server.listen(path);
    await once(server, 'listening');
    return server;
  }
}
