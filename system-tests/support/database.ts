import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalSystem } from '@aovis/simulator/local-system';
import { Client } from 'pg';

/** One query on the system's database, over a connection of its own. */
export async function query<Row extends Record<string, unknown>>(
  databaseUrl: string,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

/** kill -9 of PostgreSQL, and of the program that looks after it. */
export async function killDatabase(system: LocalSystem): Promise<void> {
  const [pid] = readFileSync(join(system.folder.database, 'cluster', 'postmaster.pid'), 'utf8').split('\n');
  process.kill(Number(pid), 'SIGKILL');
  await system.program('database').kill();
}
