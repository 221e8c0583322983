import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import type { Logger } from '../kernel/logger.ts';
import { backoffMs } from '../kernel/retry.ts';

/** Calls back when some transaction put something into the outbox. Reconnects for ever; the worker polls meanwhile. */
export class OutboxListener {
  readonly #url: string;
  readonly #log: Logger;
  readonly #onMessage: () => void;
  #stopping: AbortController | undefined;
  #listening: Promise<void> = Promise.resolve();

  constructor(url: string, log: Logger, onMessage: () => void) {
    this.#url = url;
    this.#log = log;
    this.#onMessage = onMessage;
  }

  start(): void {
    if (this.#stopping) return;
    this.#stopping = new AbortController();
    this.#listening = this.#listenForEver(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping?.abort();
    await this.#listening;
    this.#stopping = undefined;
  }

  async #listenForEver(stopping: AbortSignal): Promise<void> {
    for (let attempt = 1; !stopping.aborted; attempt++) {
      try {
        await this.#listenOnce(stopping, () => {
          attempt = 0;
        });
      } catch (error) {
        this.#log.warn({ error }, 'no notifications of new outbox messages; connecting again');
      }
      const pauseMs = backoffMs(Math.max(1, attempt), { firstMs: 500, capMs: 30_000 });
      await wait(pauseMs, undefined, { signal: stopping }).catch(() => {});
    }
  }

  async #listenOnce(stopping: AbortSignal, onConnected: () => void): Promise<void> {
    const client = new Client({
      connectionString: this.#url,
      application_name: 'aovis-outbox',
      keepAlive: true,
    });
    const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
    client.on('error', reject);
    client.on('end', resolve);
    client.on('notification', this.#onMessage);
    const onStop = (): void => resolve();
    stopping.addEventListener('abort', onStop, { once: true });
    try {
      await client.connect();
      await client.query('LISTEN outbox');
      onConnected();
      // What came while nobody listened.
      this.#onMessage();
      if (!stopping.aborted) await ended;
    } finally {
      stopping.removeEventListener('abort', onStop);
      ended.catch(() => {});
      await client.end().catch(() => {});
    }
  }
}
