import * as z from 'zod';
import type { Part, PartHealth } from '../part.ts';
import { LocalSocketServer } from '../status/local-socket-server.ts';
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
  readonly #server: LocalSocketServer;

  constructor(options: ButtonServerOptions) {
    this.#options = options;
    this.#server = new LocalSocketServer(options.directory, buttonSocket, (connection) => {
      void this.#press().then((answer) => connection.end(JSON.stringify(answer)));
    });
  }

  start(_signal: AbortSignal): Promise<void> {
    return this.#server.start();
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  health(): PartHealth {
    return { ok: this.#server.listening, detail: 'aovis-agent claim lets the board be claimed' };
  }

  async #press(): Promise<ButtonAnswer> {
    const { keeper } = this.#options;
    const refusal = await keeper.openWindow('button');
    if (refusal !== undefined) return { claimable: false, sentence: refusalSentences[refusal] };
    const until = new Date(keeper.status().windowClosesAt ?? 0).toISOString();
    return { claimable: true, sentence: `This board can be claimed until ${until}: activate it in the app.` };
  }
}
