import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { link, rename, unlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import type { Part, PartHealth } from '../part.ts';
import { Refusal } from '../refusal.ts';
import type { AgentStatus } from './agent-status.ts';
import { openSocketPath, type SocketPath } from './socket-path.ts';
import { isCode, readStatusAt } from './status-client.ts';

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
    if (this.#socket !== undefined) await unlink(this.#socket.path).catch(() => {});
    await closed(server);
    this.#socket?.release();
  }

  health(): PartHealth {
    return { ok: this.#server !== undefined, detail: this.#options.directory };
  }

  /**
   * Listens under a name of its own first and then links the socket to where it is looked for: that is atomic, and what
   * appears there answers already. A dead socket in that place is moved aside before it is removed, and moved back when
   * it proves to be a living one that somebody put there meanwhile: of two starts in the same moment one is refused.
   */
  async #claim(path: string): Promise<Server> {
    const own = `${path}.${randomBytes(4).toString('hex')}`;
    const server = await this.#listen(own);
    try {
      while (!(await linked(own, path))) {
        await this.#refuseIfAnswered(path);
        const aside = `${own}.old`;
        if (!(await moved(path, aside))) continue;
        const other = await readStatusAt(aside).catch(() => undefined);
        if (other === undefined) await unlink(aside);
        else await moved(aside, path);
      }
    } catch (error) {
      await closed(server);
      throw error;
    }
    await unlink(own);
    return server;
  }

  async #refuseIfAnswered(path: string): Promise<void> {
    const other = await readStatusAt(path);
    if (other !== undefined)
      throw new Refusal(
        'stateInUse',
        `Another agent (process ${other.pid}, ${other.device_id}) already uses the state directory ` +
          `${this.#options.directory}: stop it, or name another directory with --state DIR.`,
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

/** False when there is something at `path` already. */
async function linked(own: string, path: string): Promise<boolean> {
  return link(own, path).then(
    () => true,
    (error: unknown) => {
      if (isCode(error, 'EEXIST')) return false;
      throw error;
    },
  );
}

/** False when there was nothing to move any more. */
async function moved(from: string, to: string): Promise<boolean> {
  return rename(from, to).then(
    () => true,
    (error: unknown) => {
      if (isCode(error, 'ENOENT')) return false;
      throw error;
    },
  );
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
