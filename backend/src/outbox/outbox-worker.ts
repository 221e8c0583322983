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
  /** Messages of one topic handled at the same time: a partner that hangs holds up its own topics, no others. */
  placesPerTopic?: number;
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
const defaults = {
  placesPerTopic: 4,
  leaseMs: 60_000,
  maxAttempts: 12,
  backoff: { firstMs: 1_000, capMs: 600_000 },
};

/**
 * Carries out what features put into the outbox, at least once each. Any number of workers, in any number of
 * processes, share the work; one that dies loses its lease and another takes over.
 */
export class OutboxWorker {
  readonly #options: Required<Omit<OutboxWorkerOptions, 'onHandled'>> &
    Pick<OutboxWorkerOptions, 'onHandled'>;
  readonly #listener: NotificationListener;
  #stopping: AbortController | undefined;
  #dispatching: Promise<unknown> = Promise.resolve();
  /** What is being handled, with its topic. */
  readonly #running = new Map<Promise<void>, string>();
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
    this.#dispatching = this.#dispatch(stopping.signal);
  }

  /** Lets the running handlers end (their signal is aborted, so that they may hurry) and stops. */
  async stop(): Promise<void> {
    this.#stopping?.abort();
    this.#wakeUp();
    await Promise.all([this.#listener.stop(), this.#dispatching]);
    await Promise.all(this.#running.keys());
    this.#stopping = undefined;
  }

  #wakeUp(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  async #dispatch(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      // Taken before looking: what comes in after the look, and places that become free, wake us.
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
    const dueMs = await msUntilNextDue(this.#options.db, this.#openTopics());
    if (!stopping.aborted) await this.#pause(Math.min(pollMs, dueMs ?? pollMs), woken);
  }

  /** Those with a free place. */
  #openTopics(): string[] {
    const taken = [...this.#running.values()];
    return Object.keys(this.#options.handlers).filter(
      (topic) => taken.filter((other) => other === topic).length < this.#options.placesPerTopic,
    );
  }

  async #pause(ms: number, woken: Promise<void>): Promise<void> {
    const over = new AbortController();
    const timer = wait(Math.max(ms, 10), undefined, { signal: over.signal }).catch(() => {});
    await Promise.race([timer, woken]);
    over.abort();
  }

  /** Begins the next message; returns false when there is nothing to do right now. */
  async #handleNext(stopping: AbortSignal): Promise<boolean> {
    const { db, leaseMs, log } = this.#options;
    const message = await claimNext(db, { topics: this.#openTopics(), leaseMs });
    if (message === undefined) return false;
    const handled = this.#handle(message, stopping)
      .catch((error: unknown) =>
        log.warn({ error, topic: message.topic }, 'the outbox cannot be written; the lease will end'),
      )
      .finally(() => {
        this.#running.delete(handled);
        // A place is free now, and the next message of the same key too.
        this.#wakeUp();
      });
    this.#running.set(handled, message.topic);
    return true;
  }

  async #handle(message: ClaimedMessage, stopping: AbortSignal): Promise<void> {
    const { db, handlers, leaseMs } = this.#options;
    const { topic, payload, attempts: attempt, requestId } = message;
    const lease = new AbortController();
    const over = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      const error = new Error('The handler did not end within its lease.');
      lease.abort(error);
      // For handlers that do not heed their signal: they shall not keep their place for ever.
      over.reject(error);
    }, leaseMs);
    try {
      const signal = AbortSignal.any([stopping, lease.signal]);
      await Promise.race([handlers[topic]?.(payload, { attempt, requestId, signal }), over.promise]);
    } catch (error) {
      await this.#noteFailure(message, error);
      return;
    } finally {
      clearTimeout(timer);
    }
    await finish(db, message);
    this.#options.onHandled?.(topic, 'done');
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
  }
}
