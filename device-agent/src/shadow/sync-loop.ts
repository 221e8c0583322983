import { Backoff } from '../host/backoff.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { IotConnection } from '../iot/iot-connection.ts';

export interface SyncLoopOptions {
  connection: IotConnection;
  clock: Clock;
  logger: Logger;
  random: () => number;
  /** One round; answers how long until the next one is due by itself, if ever. */
  round: () => Promise<number | undefined>;
  /** A new connection: what was known of the cloud's side may be out of date. */
  onConnected: () => void;
}

/**
 * Runs rounds one after the other while there is a connection: at every connect, when asked, and when one is due. A
 * round that fails is repeated after a back-off; a lost connection ends the row until the next one.
 */
export class SyncLoop {
  readonly #options: SyncLoopOptions;
  readonly #backoff: Backoff;
  #started = false;
  #listening = false;
  #running: Promise<void> | undefined;
  #askedAgain = false;
  #cancelNext: () => void = () => {};

  constructor(options: SyncLoopOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ baseMs: 1_000, capMs: 128_000, random: options.random });
  }

  start(): void {
    this.#started = true;
    if (this.#listening) return;
    this.#listening = true;
    const { connection } = this.#options;
    connection.onConnected(() => {
      if (!this.#started) return;
      this.#backoff.reset();
      this.#options.onConnected();
      this.ask();
    });
    connection.onDisconnected(() => this.#cancelNext());
  }

  async stop(): Promise<void> {
    this.#started = false;
    this.#cancelNext();
    await this.#running;
  }

  /** Asks for a round now. Asking during one makes another follow it. */
  ask(): void {
    if (!this.#isOpen()) return;
    if (this.#running !== undefined) {
      this.#askedAgain = true;
      return;
    }
    this.#cancelNext();
    this.#running = this.#runRounds();
  }

  #isOpen(): boolean {
    return this.#started && this.#options.connection.state === 'connected';
  }

  async #runRounds(): Promise<void> {
    let nextMs: number | undefined;
    do {
      this.#askedAgain = false;
      nextMs = await this.#runRound();
    } while (this.#askedAgain && this.#isOpen());
    // In the same turn as the last look at `#askedAgain`: nobody's asking falls in between.
    this.#running = undefined;
    if (nextMs === undefined || !this.#isOpen()) return;
    this.#cancelNext = this.#options.clock.after(nextMs, () => this.ask());
  }

  async #runRound(): Promise<number | undefined> {
    try {
      const nextMs = await this.#options.round();
      this.#backoff.reset();
      return nextMs;
    } catch (error) {
      if (!this.#isOpen()) return undefined;
      const retryInMs = this.#backoff.next();
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.logger.warn({ retryInMs }, `The shadow could not be brought up to date: ${reason}`);
      return retryInMs;
    }
  }
}
