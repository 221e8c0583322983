import { join } from 'node:path';
import { openDatabase } from '@aovis/backend/db/database';
import { ensureDatabase } from '@aovis/dev-database/databases';
import { startDatabaseServer } from '@aovis/dev-database/server';
import { migrateToLatest } from '@aovis/migrations/migrator';

export interface BenchDatabase {
  url: string;
  stop(): Promise<void>;
}

/** PostgreSQL that keeps what it confirms, as in production, with the present schema. */
export async function startBenchDatabase(directory: string): Promise<BenchDatabase> {
  const server = await startDatabaseServer({ dataDirectory: join(directory, 'postgres') });
  const url = server.urlOf('bench');
  await ensureDatabase(url);
  const db = openDatabase({ url, poolSize: 1 });
  try {
    await migrateToLatest(db);
  } finally {
    await db.destroy();
  }
  return { url, stop: () => server.stop() };
}
