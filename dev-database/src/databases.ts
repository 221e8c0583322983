import { Client, escapeIdentifier } from 'pg';

/** Makes the database that `url` names, on the server that `url` names, unless it is there. */
export async function ensureDatabase(url: string): Promise<void> {
  const name = databaseNameOf(url);
  await onServer(url, async (client) => {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (found.rowCount === 0)
      await client.query(`CREATE DATABASE ${escapeIdentifier(name)}`).catch(ignoreRace);
  });
}

/** Runs `work` on the server's maintenance database `postgres`. */
export async function onServer<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: withDatabase(url, 'postgres') });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export function databaseNameOf(url: string): string {
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  if (name === '') throw new Error('The database address names no database: it must end in /<name>.');
  return name;
}

export function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${encodeURIComponent(name)}`;
  return changed.href;
}

/** 42P04 duplicate_database, 23505 unique_violation on the catalog: somebody made it between the look and the make. */
function ignoreRace(error: Error & { code?: string }): void {
  if (error.code !== '42P04' && error.code !== '23505') throw error;
}
