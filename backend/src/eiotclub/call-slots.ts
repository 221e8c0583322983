import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from '../db/database.ts';
import { AppError } from '../kernel/errors.ts';

/** Lets calls pass at a steady pace, whoever makes them. */
export interface CallPace {
  /** Resolves when the call may go out. @throws AppError service_unavailable when too many wait already */
  next(signal: AbortSignal): Promise<void>;
}

export interface CallSlotsOptions {
  db: Database;
  /** Whose calls are counted together. */
  name: string;
  perSecond: number;
  /** Nobody waits longer for a slot. */
  longestWaitMs: number;
}

/**
 * Slots of time in PostgreSQL, one row a name, so that all instances share one account's rate. Slots follow each other
 * at least 1/perSecond apart: no second, wherever it begins, holds more. The database's clock counts.
 */
export class CallSlots implements CallPace {
  readonly #options: CallSlotsOptions;

  constructor(options: CallSlotsOptions) {
    this.#options = options;
  }

  async next(signal: AbortSignal): Promise<void> {
    const waitMs = await this.#takeSlot();
    if (waitMs > 0) await wait(waitMs, undefined, { signal });
  }

  async #takeSlot(): Promise<number> {
    const { db, name, perSecond, longestWaitMs } = this.#options;
    const { rows } = await db.raw<{ rows: { wait_ms: number }[] }>(
      `INSERT INTO call_slots AS slots (name, taken_until) VALUES (:name, clock_timestamp() + :stepMs * interval '1 ms')
       ON CONFLICT (name) DO UPDATE
         SET taken_until = greatest(slots.taken_until, clock_timestamp()) + :stepMs * interval '1 ms'
         WHERE slots.taken_until <= clock_timestamp() + :longestWaitMs * interval '1 ms'
       RETURNING extract(epoch FROM taken_until - clock_timestamp())::float8 * 1000 - :stepMs AS wait_ms`,
      { name, stepMs: 1_000 / perSecond, longestWaitMs },
    );
    const [slot] = rows;
    if (slot === undefined) throw new AppError('service_unavailable', { retryAfterMs: longestWaitMs });
    return Math.max(0, Math.ceil(slot.wait_ms));
  }
}
