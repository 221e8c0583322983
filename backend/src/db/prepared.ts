import { type Database, poolOf } from './database.ts';

/**
 * A statement that the server parses once a connection, for the few that nearly every request runs: half the cost of
 * the same query built anew. Columns are named one by one, so that a migration that adds some leaves the plan valid.
 */
export interface PreparedStatement {
  /** Unique in the program. */
  name: string;
  /** With `$1`, `$2` … */
  text: string;
}

/** What knex keeps of `pg`: the connection of the transaction. */
interface ConnectionSource {
  acquireConnection(): Promise<PgConnection>;
}

interface PgConnection {
  query(config: PreparedStatement & { values: unknown[] }): Promise<{ rows: unknown[] }>;
}

/** Runs it on a connection of the pool, or inside the transaction when `db` is one. The row's shape is the caller's word. */
export async function runPrepared<Row>(
  db: Database,
  statement: PreparedStatement,
  values: unknown[],
): Promise<Row[]> {
  const connection = db.isTransaction
    ? await (db.client as ConnectionSource).acquireConnection()
    : poolOf(db);
  const { name, text } = statement;
  const { rows } = await connection.query({ name, text, values });
  return rows as Row[];
}
