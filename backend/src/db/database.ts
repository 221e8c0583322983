import knex, { type Knex } from 'knex';
import { Pool } from 'pg';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { isPassingConflict, translatePgError } from './pg-errors.ts';

/** The database or a transaction on it. Repositories take either. */
export type Database = Knex;

export interface DatabaseOptions {
  url: string;
  poolSize: number;
  /** How long a request waits for a connection before it is answered 503: queueing longer helps nobody. */
  acquireTimeoutMs?: number;
  /** Where knex complains; nowhere by default. */
  log?: Logger;
}

/**
 * Knex over a pool of `pg`'s own, which hands out connections at a third of the cost of knex's. Opens none yet;
 * `destroy()` closes them all.
 */
export function openDatabase({ url, poolSize, acquireTimeoutMs = 2_000, log }: DatabaseOptions): Database {
  const pool = new Pool({
    connectionString: url,
    application_name: 'aovis-backend',
    max: poolSize,
    connectionTimeoutMillis: acquireTimeoutMs,
    idleTimeoutMillis: 30_000,
  });
  const note = (error: Error): void => log?.warn({ reason: firstLine(error) }, 'database connection');
  // Of connections that lie in the pool; it forgets them itself.
  pool.on('error', note);
  // One that breaks in the hands of a transaction says so once more beside the query: unheard, it would end the process.
  pool.on('connect', (connection) => connection.on('error', note));
  const database = knex({ client: 'pg', connectionPool: pool, log: knexLog(log) });
  const client = database.client as { destroy(): Promise<void> };
  let ended: Promise<void> | undefined;
  // Knex leaves a pool open that it did not make.
  client.destroy = () => (ended ??= pool.end());
  return database;
}

/** The pool below a database that is not a transaction. */
export function poolOf(db: Database): Pool {
  const { connectionPool } = (db.client as { config: Knex.Config }).config;
  if (!(connectionPool instanceof Pool)) throw new Error('the database was not opened by openDatabase');
  return connectionPool;
}

/** Knex would write to the console. Whoever asked gets the error anyway. */
function knexLog(log: Logger | undefined): Knex.Logger {
  const warn = (message: unknown): void => log?.warn({ reason: firstLine(message) }, 'database connection');
  return { warn, error: warn, deprecate: () => {}, debug: () => {} };
}

/** Knex puts a stack into its message. */
function firstLine(message: unknown): string {
  return String(message).split('\n', 1)[0] ?? '';
}

/** Serialization failures and deadlocks are over when they are reported: the work is simply done again. */
const attempts = 5;

/**
 * Runs `work` in a transaction: committed when it resolves, rolled back when it throws. On a deadlock `work` runs
 * again from its start, so it does nothing but talk to `trx`: no network, no state of its own.
 * Inside a transaction (when `db` is one) it joins it through a savepoint.
 * @throws AppError service_unavailable when the database cannot be reached; else what `work` threw
 */
export async function transaction<T>(db: Database, work: (trx: Database) => Promise<T>): Promise<T> {
  const once = (): Promise<T> => db.transaction((trx) => work(trx));
  if (!db.isTransaction) return insist(once);
  try {
    return await once();
  } catch (error) {
    throw translatePgError(error);
  }
}

/**
 * Runs a single statement, which is a transaction by itself; again on a deadlock, as `transaction` does.
 * @throws AppError service_unavailable when the database cannot be reached; else what `work` threw
 */
export function statement<T>(work: () => Promise<T>): Promise<T> {
  return insist(work);
}

async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isPassingConflict(error)) throw translatePgError(error);
      if (attempt === attempts)
        throw new AppError('service_unavailable', { cause: error, retryAfterMs: 1_000 });
    }
  }
}
