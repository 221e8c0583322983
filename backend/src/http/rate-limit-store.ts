import type { ClientRateLimitInfo, Store } from 'express-rate-limit';
import type { Database } from '../db/database.ts';

/** Expired counters are removed now and then, by the request that happens to draw this lot. */
const sweepChance = 0.01;

/** Counters of express-rate-limit in PostgreSQL, so that all instances count together. One per limit. */
export class PostgresRateLimitStore implements Store {
  readonly prefix: string;
  readonly localKeys = false;
  readonly #db: Database;
  readonly #windowMs: number;
  readonly #random: () => number;

  constructor(options: { db: Database; name: string; windowMs: number; random?: () => number }) {
    this.prefix = `${options.name}:`;
    this.#db = options.db;
    this.#windowMs = options.windowMs;
    this.#random = options.random ?? Math.random;
  }

  async increment(key: string): Promise<ClientRateLimitInfo> {
    if (this.#random() < sweepChance)
      await this.#db('rate_limits').where('resets_at', '<', this.#db.fn.now()).delete();
    const { rows } = await this.#db.raw<{ rows: { hits: number; resets_at: Date }[] }>(
      `INSERT INTO rate_limits AS stored (key, hits, resets_at) VALUES (:key, 1, now() + :windowMs * interval '1 ms')
       ON CONFLICT (key) DO UPDATE SET
         hits = CASE WHEN stored.resets_at <= now() THEN 1 ELSE stored.hits + 1 END,
         resets_at = CASE WHEN stored.resets_at <= now() THEN excluded.resets_at ELSE stored.resets_at END
       RETURNING hits, resets_at`,
      { key: this.prefix + key, windowMs: this.#windowMs },
    );
    const [row] = rows;
    if (row === undefined) throw new Error('the rate limit was not counted');
    return { totalHits: row.hits, resetTime: row.resets_at };
  }

  async decrement(key: string): Promise<void> {
    await this.#db('rate_limits')
      .where({ key: this.prefix + key })
      .where('hits', '>', 0)
      .decrement('hits', 1);
  }

  async resetKey(key: string): Promise<void> {
    await this.#db('rate_limits')
      .where({ key: this.prefix + key })
      .delete();
  }
}
