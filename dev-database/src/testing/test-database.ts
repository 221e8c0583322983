import { randomBytes } from 'node:crypto';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import knex, { type Knex } from 'knex';
import { escapeIdentifier, Pool } from 'pg';
import { databaseNameOf, onServer, withDatabase } from '../databases.ts';
import { someTestFailed } from './test-outcome.ts';
import { addressToShow, portVariable } from './test-server.ts';

export interface TestDatabase {
  knex: Knex;
  url: string;
  /** Call in `afterAll`: closes the connections and drops the database, unless a test of this file failed. */
  drop(): Promise<void>;
}

/** A database of its own for one test file, with the whole schema: a copy of the migrated template, in about 20 ms. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const template = await templateUrl();
  const templateName = databaseNameOf(template);
  const url = withDatabase(template, `${templateName}-${randomBytes(4).toString('hex')}`);
  const name = escapeIdentifier(databaseNameOf(url));
  await onServer(template, async (server) => {
    // Copies of one template exclude each other: files of parallel workers take turns.
    await server.query('SELECT pg_advisory_lock(hashtext($1))', [templateName]);
    await server.query(`CREATE DATABASE ${name} TEMPLATE ${escapeIdentifier(templateName)}`);
  });
  const pool = new Pool({ connectionString: url, max: 10 });
  // An ended pool does not wait until the server saw the connections close, and dropping the database cuts them.
  pool.on('error', () => {});
  pool.on('connect', (connection) => connection.on('error', () => {}));
  const db = knex({ client: 'pg', connectionPool: pool });
  return {
    knex: db,
    url,
    drop: async () => {
      await db.destroy();
      await pool.end();
      if (someTestFailed())
        process.stderr.write(`A test failed; its database is kept: ${addressToShow(url)}\n`);
      else await onServer(template, (server) => server.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

async function templateUrl(): Promise<string> {
  const port = Number(process.env[portVariable]);
  if (!port) throw new Error(`${portVariable} is not set: run the tests by \`npm test\`.`);
  const answer = JSON.parse(await text(createConnection(port, '127.0.0.1'))) as {
    url?: string;
    error?: string;
  };
  if (answer.url === undefined) throw new Error(`The test database did not start: ${answer.error}`);
  return answer.url;
}
