import { once } from 'node:events';
import { unlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import * as z from 'zod';
import type { Part, PartHealth } from '../part.ts';
import { openSocketPath, type SocketPath } from '../status/socket-path.ts';
import { isCode } from '../status/status-client.ts';
import type { BindingStatus, WindowRefusal } from './ownership-keeper.ts';

export const buttonSocket = 'button.sock';

/** What a press of the button came to, in a sentence for a person before the board. */
export const buttonAnswerSchema = z.object({ claimable: z.boolean(), sentence: z.string() });
export type ButtonAnswer = z.infer<typeof buttonAnswerSchema>;

export interface ButtonServerOptions {
  /** The state directory; the status server holds its lock. */
  directory: string;
  keeper: { openWindow(reason: 'button'): Promise<WindowRefusal | undefined>; status(): BindingStatus };
}

const refusalSentences: Record<WindowRefusal, string> = {
  owned: 'This board has an owner: release it in the app first.',
  unknown:
    'This board has not heard from the cloud yet whether somebody owns it: connect it, then press again.',
  not_stored: 'The state directory cannot be written: free space there, then press again.',
};

/**
 * The board's button: whoever may open the socket in the state directory, the agent's user alone, lets the board be claimed.
 * A daemon that watches the real button runs `aovis-agent claim`.
 */
export class ButtonServer implements Part {
  readonly name = 'button';
  readonly #options: ButtonServerOptions;
  #server: Server | undefined;
  #socket: SocketPath | undefined;

  constructor(options: ButtonServerOptions) {
    this.#options = options;
  }

  async start(_signal: AbortSignal): Promise<void> {
    if (this.#server !== undefined) return;
    const socket = openSocketPath(this.#options.directory, buttonSocket);
    try {
      await unlink(socket.path).catch((error: unknown) => {
        if (!isCode(error, 'ENOENT')) throw error;
      });
      const server = createServer((connection) => {
        connection.on('error', () => {});
        void this.#press().then((answer) => connection.end(JSON.stringify(answer)));
      });
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
    await new Promise<void>((resolve) => server.close(() => resolve()));
    this.#socket?.release();
  }

  health(): PartHealth {
    return { ok: this.#server !== undefined, detail: 'aovis-agent claim lets the board be claimed' };
  }

  async #press(): Promise<ButtonAnswer> {
    const { keeper } = this.#options;
    const refusal = await keeper.openWindow('button');
    if (refusal !== undefined) return { claimable: false, sentence: refusalSentences[refusal] };
    const until = new Date(keeper.status().windowClosesAt ?? 0).toISOString();
    return { claimable: true, sentence: `This board can be claimed until ${until}: activate it in the app.` };
  }
}
