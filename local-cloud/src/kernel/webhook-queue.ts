import type { Logger } from 'pino';
import { HttpRefusal } from './http-answer.ts';
import type { Store, Table } from './store.ts';

/** One event on its way to one receiver. */
export interface Delivery {
  /** Sorts in the order of adding. */
  id: string;
  /** The receiver's name. */
  target: string;
  /** What is delivered: the event's id. */
  subject: string;
  attempts: number;
  state: 'waiting' | 'delivered' | 'abandoned';
  /** Of the last attempt; 0 when there was no answer. */
  lastStatus?: number;
  lastError?: string;
}

export interface WebhookQueueOptions {
  /** Prefix of its tables. */
  name: string;
  store: Store;
  log: Logger;
  /** Makes one attempt: resolves with the answer's status, rejects when there is none. */
  send: (delivery: Delivery, signal: AbortSignal) => Promise<number>;
  /** Called within no transaction once a delivery is delivered or abandoned. */
  onSettled?: (delivery: Delivery) => void;
  /** Waiting time after the attempt of that number, in ms. */
  backOffMs?: (attempt: number) => number;
  maxAttempts?: number;
}

const keptDeliveries = 2000;
const attemptTimeoutMs = 10_000;

/**
 * Delivers events to receivers at least once: kept on disk, each attempt repeated with back-off until a 2xx comes or
 * the attempts are used up. First attempts go out in order, one at a time per receiver, unless told otherwise; a
 * failed one does not hold up the next.
 */
export class WebhookQueue {
  readonly #options: Required<WebhookQueueOptions>;
  readonly #deliveries: Table<Delivery>;
  readonly #settings: Table<{ paused: boolean; parallel: number }>;
  readonly #lines = new Map<string, string[]>();
  readonly #busy = new Map<string, number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #sending = new Set<Promise<void>>();
  #running: AbortController | undefined;
  #lastId = 0;

  constructor(options: WebhookQueueOptions) {
    this.#options = { onSettled: () => undefined, backOffMs: defaultBackOffMs, maxAttempts: 12, ...options };
    this.#deliveries = options.store.table(`${options.name}.deliveries`);
    this.#settings = options.store.table(`${options.name}.delivery-settings`);
  }

  start(): void {
    if (this.#running !== undefined) return;
    this.#running = new AbortController();
    this.#lines.clear();
    for (const { id, target, state } of this.#deliveries.values()) {
      this.#lastId = Math.max(this.#lastId, Number(id));
      if (state === 'waiting') this.#line(target).push(id);
    }
    this.#wakeLater();
  }

  /** What is not delivered stays for the next start. */
  async stop(): Promise<void> {
    this.#running?.abort();
    this.#running = undefined;
    this.#clearTimers();
    await Promise.all(this.#sending);
  }

  /** The store was emptied. */
  reset(): void {
    this.#clearTimers();
    this.#lines.clear();
  }

  get settings(): { paused: boolean; parallel: number } {
    return this.#settings.get('all') ?? { paused: false, parallel: 1 };
  }

  /** `parallel`: how many deliveries may be under way to one receiver. */
  configure(settings: { paused?: boolean | undefined; parallel?: number | undefined }): void {
    const { paused, parallel } = this.settings;
    this.#settings.put('all', {
      paused: settings.paused ?? paused,
      parallel: settings.parallel ?? parallel,
    });
    this.#wakeLater();
  }

  /** Queues an event for a receiver; it leaves once the caller's transaction is through. */
  add(target: string, subject: string): Delivery {
    this.#prune();
    const id = String(++this.#lastId).padStart(12, '0');
    const delivery: Delivery = { id, target, subject, attempts: 0, state: 'waiting' };
    this.#deliveries.put(id, delivery);
    this.#line(target).push(id);
    this.#wakeLater();
    return delivery;
  }

  list(): Delivery[] {
    return [...this.#deliveries.values()];
  }

  waitingFor(subject: string): number {
    return this.list().filter((one) => one.subject === subject && one.state === 'waiting').length;
  }

  /** Puts the deliveries that wait into another order: by ids (those first), reversed or shuffled. */
  reorder(order: 'reverse' | 'shuffle' | readonly string[]): void {
    if (typeof order !== 'string') {
      const unknown = order.find((id) => this.#deliveries.get(id)?.state !== 'waiting');
      if (unknown !== undefined) throw new HttpRefusal(404, `No delivery ${unknown} is waiting`);
    }
    for (const [target, line] of this.#lines) {
      const rank = new Map(
        line.map((id, i) => {
          if (order === 'reverse') return [id, -i];
          if (order === 'shuffle') return [id, Math.random()];
          const wanted = order.indexOf(id);
          return [id, wanted === -1 ? order.length + i : wanted];
        }),
      );
      this.#lines.set(
        target,
        line.toSorted((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0)),
      );
    }
  }

  #line(target: string): string[] {
    const existing = this.#lines.get(target);
    if (existing !== undefined) return existing;
    const made: string[] = [];
    this.#lines.set(target, made);
    return made;
  }

  /** Not at once: the caller may be within a transaction that is undone. */
  #wakeLater(): void {
    queueMicrotask(() => this.#wake());
  }

  #wake(): void {
    const running = this.#running;
    const { paused, parallel } = this.settings;
    if (running === undefined || paused) return;
    for (const [target, line] of this.#lines) {
      while (line.length > 0 && (this.#busy.get(target) ?? 0) < parallel) {
        const delivery = this.#deliveries.get(line.shift() ?? '');
        if (delivery?.state !== 'waiting') continue;
        this.#busy.set(target, (this.#busy.get(target) ?? 0) + 1);
        const sending = this.#attempt(delivery, running.signal).finally(() => {
          this.#sending.delete(sending);
          this.#busy.set(target, (this.#busy.get(target) ?? 1) - 1);
          this.#wake();
        });
        this.#sending.add(sending);
      }
    }
  }

  async #attempt(before: Delivery, stopping: AbortSignal): Promise<void> {
    const { send, log, maxAttempts, backOffMs, onSettled } = this.#options;
    let lastStatus = 0;
    let lastError: string | undefined;
    try {
      lastStatus = await send(before, AbortSignal.any([stopping, AbortSignal.timeout(attemptTimeoutMs)]));
    } catch (error) {
      if (stopping.aborted) return;
      lastError = error instanceof Error ? error.message : String(error);
    }
    // A reset may have taken it away meanwhile.
    if (!this.#deliveries.has(before.id)) return;
    const attempts = before.attempts + 1;
    const accepted = lastStatus >= 200 && lastStatus < 300;
    const state = accepted ? 'delivered' : attempts >= maxAttempts ? 'abandoned' : 'waiting';
    const { lastError: _old, ...rest } = before;
    const after: Delivery = {
      ...rest,
      attempts,
      state,
      lastStatus,
      ...(lastError === undefined ? {} : { lastError }),
    };
    this.#deliveries.put(after.id, after);
    if (state === 'waiting') this.#retryAfter(backOffMs(attempts), after);
    else onSettled(after);
    if (!accepted) log.info({ delivery: after }, 'webhook not accepted');
  }

  #retryAfter(ms: number, { id, target }: Delivery): void {
    if (this.#running === undefined) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#line(target).push(id);
      this.#wake();
    }, ms);
    this.#timers.add(timer);
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #prune(): void {
    if (this.#deliveries.size < keptDeliveries) return;
    for (const [id, { state }] of this.#deliveries.entries()) {
      if (state === 'waiting') continue;
      this.#deliveries.delete(id);
      return;
    }
  }
}

/** Half a second doubling to a minute, half of it random: an hour's patience in a test's time. */
function defaultBackOffMs(attempt: number): number {
  const ceiling = Math.min(60_000, 500 * 2 ** Math.min(attempt - 1, 10));
  return ceiling / 2 + (Math.random() * ceiling) / 2;
}
