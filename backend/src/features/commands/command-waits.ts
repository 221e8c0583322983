import { NotificationListener } from '../../db/notification-listener.ts';
import type { Logger } from '../../kernel/logger.ts';

/** Where each step of a command is announced, with its id (trigger `device_commands_announced`). */
const channel = 'device_commands';

export interface CommandWaitsOptions {
  databaseUrl: string;
  log: Logger;
}

/**
 * Requests of this instance that wait for commands. The answer of a board comes to any instance; the database tells all
 * of them, over one connection each. Nothing is asked for over and over.
 */
export class CommandWaits {
  readonly #listener: NotificationListener;
  /** What wakes who waits, by command. */
  readonly #waiting = new Map<string, Set<() => void>>();
  #stopped = false;

  constructor({ databaseUrl, log }: CommandWaitsOptions) {
    const onNotification = (id: string | undefined): void => this.#wake(id);
    this.#listener = new NotificationListener({ databaseUrl, channel, log, onNotification });
  }

  start(): void {
    this.#stopped = false;
    this.#listener.start();
  }

  /** Who still waits gets what is known by now. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake(undefined);
    await this.#listener.stop();
  }

  /** Looks at first and whenever the command has moved; the last look when it is `done`, time is up or the program stops. */
  async until<T>(
    id: string,
    { look, done, timeoutMs }: { look: () => Promise<T>; done: (seen: T) => boolean; timeoutMs: number },
  ): Promise<T> {
    let timeUp = timeoutMs <= 0;
    let next = Promise.withResolvers<void>();
    const onMove = (): void => next.resolve();
    const timer = setTimeout(() => {
      timeUp = true;
      onMove();
    }, timeoutMs);
    this.#add(id, onMove);
    try {
      for (;;) {
        // Before the look: what happens during it is not missed.
        next = Promise.withResolvers<void>();
        const last = timeUp || this.#stopped;
        const seen = await look();
        if (last || done(seen)) return seen;
        await next.promise;
      }
    } finally {
      clearTimeout(timer);
      this.#remove(id, onMove);
    }
  }

  #add(id: string, onMove: () => void): void {
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting.add(onMove));
  }

  #remove(id: string, onMove: () => void): void {
    const waiting = this.#waiting.get(id);
    waiting?.delete(onMove);
    if (waiting?.size === 0) this.#waiting.delete(id);
  }

  /** All of them when notifications may have been missed. */
  #wake(id: string | undefined): void {
    const sets = id === undefined ? [...this.#waiting.values()] : [this.#waiting.get(id) ?? []];
    for (const onMove of sets.flatMap((set) => [...set])) onMove();
  }
}
