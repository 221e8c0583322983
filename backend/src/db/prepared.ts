import type { Database } from './database.ts';

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

/** What knex keeps of `pg`: a connection of its pool, or the one of the transaction. */
interface ConnectionSource {
  acquireConnection(): Promise<PgConnection>;
  releaseConnection(connection: PgConnection): Promise<void>;
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
  const source = db.client as ConnectionSource;
  const connection = await source.acquireConnection();
  try {
    const { rows } = await connection.query({ ...statement, values });
    return rows as Row[];
  } finally {
    await source.releaseConnection(connection);
  }
}
