import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrateToLatest } from '@aovis/migrations/migrator';
import knex from 'knex';
import { isAlive } from '../cluster.ts';
import { onServer, withDatabase } from '../databases.ts';
import { openOwnDatabase } from '../own-database.ts';
import { findPostmaster, stopPostmaster } from '../postmaster.ts';
import { type DatabaseServer, startDatabaseServer } from '../server.ts';

/** Where test files ask for the database: a socket of the test runner. */
export const portVariable = 'AOVIS_TEST_DATABASE_PORT';
const directoryPrefix = 'aovis-test-database-';

/**
 * The database of one test run. Nothing is started before the first test file asks (a run of pure unit tests pays
 * nothing); then one throwaway cluster with one migrated template serves all files. TEST_DATABASE_URL, or else
 * DATABASE_URL, names a server of your own to use instead.
 */
export class TestServer {
  #asks: Server | undefined;
  #template: Promise<string> | undefined;
  #server: DatabaseServer | undefined;
  #directory: string | undefined;

  async start(): Promise<void> {
    this.#asks = createServer((socket) => {
      socket.on('error', () => {}).resume();
      this.#template ??= this.#makeTemplate();
      this.#template.then(
        (url) => socket.end(JSON.stringify({ url })),
        (error: Error) => socket.end(JSON.stringify({ error: error.message })),
      );
    });
    const asks = this.#asks;
    await new Promise<void>((resolve) => {
      asks.listen(0, '127.0.0.1', resolve);
    });
    const address = asks.address();
    process.env[portVariable] = String(typeof address === 'object' && address !== null ? address.port : 0);
  }

  async stop(): Promise<void> {
    this.#asks?.close();
    const url = await this.#template?.catch(() => undefined);
    if (url === undefined) return;
    const kept = await this.#dropTemplate(url);
    if (this.#server === undefined) return;
    if (kept.length > 0) {
      // The databases of failed files stay for a look; the next run's sweep stops the server and removes them.
      process.stderr.write(`Kept for a look until the next run: ${kept.join(', ')}\n`);
      process.exitCode ??= 1;
      return;
    }
    await this.#server.stop();
    if (this.#directory) await rm(this.#directory, { recursive: true, force: true });
  }

  /** Returns the databases of this run that are still there. */
  #dropTemplate(url: string): Promise<string[]> {
    return onServer(url, async (client) => {
      const template = new URL(url).pathname.slice(1);
      await client.query(`DROP DATABASE IF EXISTS "${template}"`);
      const left = await client.query<{ datname: string }>(
        'SELECT datname FROM pg_database WHERE datname LIKE $1',
        [`${template}-%`],
      );
      return left.rows.map(({ datname }) => addressToShow(withDatabase(url, datname)));
    });
  }

  async #makeTemplate(): Promise<string> {
    const variable = ownServerVariable();
    const address = process.env[variable] || (await this.#startCluster());
    const name = `aovis-test-${process.pid}-${Date.now()}`;
    const url = await openOwnDatabase({ variable, address, name });
    const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 1 } });
    try {
      await migrateToLatest(db);
    } finally {
      await db.destroy();
    }
    return url;
  }

  async #startCluster(): Promise<string> {
    await sweepAbandoned();
    this.#directory = await mkdtemp(join(tmpdir(), `${directoryPrefix}${process.pid}-`));
    this.#server = await startDatabaseServer({ dataDirectory: this.#directory, durable: false });
    return this.#server.urlOf('postgres');
  }
}

function ownServerVariable(): string {
  return process.env.TEST_DATABASE_URL ? 'TEST_DATABASE_URL' : 'DATABASE_URL';
}

/** The password of a throwaway cluster may be seen, and opens what failed; that of a server of one's own may not. */
export function addressToShow(url: string): string {
  if (!process.env[ownServerVariable()]) return url;
  const shown = new URL(url);
  shown.password = '';
  return shown.href;
}

/** Stops and removes the clusters of earlier runs that were killed, or that kept databases for a look. */
async function sweepAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(directoryPrefix)) continue;
    if (isAlive(Number.parseInt(name.slice(directoryPrefix.length), 10))) continue;
    const directory = join(tmpdir(), name);
    // Other users of this machine sweep their own; another run may sweep this one just now.
    const { uid } = await stat(directory).catch(() => ({ uid: -1 }));
    if (uid !== process.getuid?.()) continue;
    const postmaster = await findPostmaster(join(directory, 'cluster'));
    if (postmaster) await stopPostmaster(postmaster.pid);
    await rm(directory, { recursive: true, force: true });
  }
}
