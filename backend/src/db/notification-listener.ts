import { setTimeout as wait } from 'node:timers/promises';
import { Client, escapeIdentifier } from 'pg';
import type { Logger } from '../kernel/logger.ts';
import { backoffMs } from '../kernel/retry.ts';

export interface NotificationListenerOptions {
  databaseUrl: string;
  /** Of NOTIFY. */
  channel: string;
  log: Logger;
  /** With the notification's payload; with undefined after every connect, since some may have been missed before it. */
  onNotification: (payload: string | undefined) => void;
}

/** Hears NOTIFY on one channel, over a connection of its own. Reconnects for ever: notifications meanwhile are lost. */
export class NotificationListener {
  readonly #options: NotificationListenerOptions;
  #stopping: AbortController | undefined;
  #listening: Promise<void> = Promise.resolve();

  constructor(options: NotificationListenerOptions) {
    this.#options = options;
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
    const { log, channel } = this.#options;
    for (let attempt = 1; !stopping.aborted; attempt++) {
      try {
        await this.#listenOnce(stopping, () => {
          attempt = 0;
        });
      } catch (error) {
        log.warn({ error, channel }, 'no notifications of the database; connecting again');
      }
      const pauseMs = backoffMs(Math.max(1, attempt), { firstMs: 500, capMs: 30_000 });
      await wait(pauseMs, undefined, { signal: stopping }).catch(() => {});
    }
  }

  async #listenOnce(stopping: AbortSignal, onConnected: () => void): Promise<void> {
    const { databaseUrl, channel, onNotification } = this.#options;
    const client = new Client({
      connectionString: databaseUrl,
      application_name: `aovis-${channel}`,
      keepAlive: true,
    });
    const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
    client.on('error', reject);
    client.on('end', resolve);
    client.on('notification', ({ payload }) => onNotification(payload ?? ''));
    const onStop = (): void => resolve();
    stopping.addEventListener('abort', onStop, { once: true });
    try {
      await client.connect();
      await client.query(`LISTEN ${escapeIdentifier(channel)}`);
      onConnected();
      onNotification(undefined);
      if (!stopping.aborted) await ended;
    } finally {
      stopping.removeEventListener('abort', onStop);
      ended.catch(() => {});
      await client.end().catch(() => {});
    }
  }
}
