import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from '../db/database.ts';
import { NotificationListener } from '../db/notification-listener.ts';
import type { Logger } from '../kernel/logger.ts';
import { type BackoffPolicy, backoffMs, pauseMs } from '../kernel/retry.ts';
import type { OutboxHandlers } from './outbox.ts';
import { type ClaimedMessage, claimNext, fail, finish, msUntilNextDue } from './outbox-queue.ts';

export interface OutboxWorkerOptions {
  db: Database;
  /** For the connection that listens for new messages. */
  databaseUrl: string;
  handlers: OutboxHandlers;
  log: Logger;
  /** Messages handled at the same time. */
  lanes?: number;
  /** A handler that takes longer is taken for dead, and its message is handled again. */
  leaseMs?: number;
  backoff?: BackoffPolicy;
  /** After so many failures a message is dead: a person must look. */
  maxAttempts?: number;
  /** Told of every message that a handler was given, for metrics. */
  onHandled?: (topic: string, outcome: 'done' | 'failed' | 'dead') => void;
}

/** Looks at least this often, should a notification get lost. */
const pollMs = 5_000;
/** 12 attempts at 1 s, 2 s, 4 s … capped at 10 min: about 35 min on average until a message is given up. */
const defaults = { lanes: 4, leaseMs: 60_000, maxAttempts: 12, backoff: { firstMs: 1_000, capMs: 600_000 } };

/**
 * Carries out what features put into the outbox, at least once each. Any number of workers, in any number of
 * processes, share the work; one that dies loses its lease and another takes over.
 */
export class OutboxWorker {
  readonly #options: Required<Omit<OutboxWorkerOptions, 'onHandled'>> &
    Pick<OutboxWorkerOptions, 'onHandled'>;
  readonly #listener: NotificationListener;
  #stopping: AbortController | undefined;
  #lanes: Promise<unknown> = Promise.resolve();
  #wake = Promise.withResolvers<void>();

  constructor(options: OutboxWorkerOptions) {
    this.#options = { ...defaults, ...options };
    const { databaseUrl, log } = options;
    const onNotification = (): void => this.#wakeUp();
    this.#listener = new NotificationListener({ databaseUrl, channel: 'outbox', log, onNotification });
  }

  start(): void {
    if (this.#stopping) return;
    const stopping = new AbortController();
    this.#stopping = stopping;
    this.#listener.start();
    const lanes = Array.from({ length: this.#options.lanes }, () => this.#work(stopping.signal));
    this.#lanes = Promise.all(lanes);
  }

  /** Lets the running handlers end (their signal is aborted, so that they may hurry) and stops. */
  async stop(): Promise<void> {
    this.#stopping?.abort();
    this.#wakeUp();
    await Promise.all([this.#listener.stop(), this.#lanes]);
    this.#stopping = undefined;
  }

  #wakeUp(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  async #work(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      // Taken before looking: what comes in after the look wakes us.
      const { promise: woken } = this.#wake;
      try {
        if (await this.#handleNext(stopping)) continue;
        await this.#rest(woken, stopping);
      } catch (error) {
        this.#options.log.warn({ error }, 'the outbox cannot be read; trying again');
        await this.#pause(pollMs, woken);
      }
    }
  }

  async #rest(woken: Promise<void>, stopping: AbortSignal): Promise<void> {
    const dueMs = await msUntilNextDue(this.#options.db, Object.keys(this.#options.handlers));
    if (!stopping.aborted) await this.#pause(Math.min(pollMs, dueMs ?? pollMs), woken);
  }

  async #pause(ms: number, woken: Promise<void>): Promise<void> {
    const over = new AbortController();
    const timer = wait(Math.max(ms, 10), undefined, { signal: over.signal }).catch(() => {});
    await Promise.race([timer, woken]);
    over.abort();
  }

  /** Returns false when there is nothing to do right now. */
  async #handleNext(stopping: AbortSignal): Promise<boolean> {
    const { db, handlers, leaseMs } = this.#options;
    const message = await claimNext(db, { topics: Object.keys(handlers), leaseMs });
    if (message === undefined) return false;
    try {
      await handlers[message.topic]?.(message.payload, {
        attempt: message.attempts,
        requestId: message.requestId,
        signal: AbortSignal.any([stopping, AbortSignal.timeout(leaseMs)]),
      });
      await finish(db, message);
      this.#options.onHandled?.(message.topic, 'done');
      // The next message of the same key is free now.
      this.#wakeUp();
    } catch (error) {
      await this.#noteFailure(message, error);
    }
    return true;
  }

  async #noteFailure(message: ClaimedMessage, error: unknown): Promise<void> {
    const { db, log, backoff, maxAttempts } = this.#options;
    const { topic, key, attempts, requestId } = message;
    const dead = attempts >= maxAttempts;
    await fail(db, message, {
      error,
      retryInMs: dead ? undefined : pauseMs(error, backoffMs(attempts, backoff)),
    });
    this.#options.onHandled?.(topic, dead ? 'dead' : 'failed');
    if (dead) log.error({ error, topic, key, attempts, requestId }, 'outbox message given up');
    else log.warn({ error, topic, key, attempts, requestId }, 'outbox message failed, will be tried again');
    if (dead) this.#wakeUp();
  }
}
