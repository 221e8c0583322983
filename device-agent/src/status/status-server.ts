import { once } from 'node:events';
import { unlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import type { Part, PartHealth } from '../part.ts';
import { Refusal } from '../refusal.ts';
import type { AgentStatus } from './agent-status.ts';
import { lockDirectory, type Release } from './directory-lock.ts';
import { openSocketPath, type SocketPath } from './socket-path.ts';
import { isCode, readStatusAt } from './status-client.ts';

export interface StatusServerOptions {
  /** The state directory. */
  directory: string;
  status: () => AgentStatus;
}

/**
 * Answers `aovis-agent status` on a socket in the state directory, and holds the lock of that directory: no second agent
 * starts on it. The socket of an agent that was killed is simply replaced, as nobody else can be listening on it.
 */
export class StatusServer implements Part {
  readonly name = 'status';
  readonly #options: StatusServerOptions;
  #server: Server | undefined;
  #socket: SocketPath | undefined;
  #unlock: Release | undefined;

  constructor(options: StatusServerOptions) {
    this.#options = options;
  }

  async start(_signal: AbortSignal): Promise<void> {
    if (this.#server !== undefined) return;
    const { directory } = this.#options;
    const socket = openSocketPath(directory);
    const unlock = await lockDirectory(directory);
    try {
      await this.#refuseIfTaken(socket.path, unlock !== undefined);
      await unlink(socket.path).catch(ignoreMissing);
      this.#server = await this.#listen(socket.path);
      this.#socket = socket;
      this.#unlock = unlock;
    } catch (error) {
      await unlock?.();
      socket.release();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    if (this.#socket !== undefined) await unlink(this.#socket.path).catch(() => {});
    await closed(server);
    await this.#unlock?.();
    this.#socket?.release();
  }

  health(): PartHealth {
    return { ok: this.#server !== undefined, detail: this.#options.directory };
  }

  /** Names who holds the directory, where that agent answers already. */
  async #refuseIfTaken(path: string, locked: boolean): Promise<void> {
    const other = await readStatusAt(path);
    if (locked && other === undefined) return;
    const who = other === undefined ? '' : ` (process ${other.pid}, ${other.device_id})`;
    throw new Refusal(
      'stateInUse',
      `Another agent${who} already uses the state directory ${this.#options.directory}: ` +
        'stop it, or name another directory with --state DIR.',
    );
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

function ignoreMissing(error: unknown): void {
  if (!isCode(error, 'ENOENT')) throw error;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
