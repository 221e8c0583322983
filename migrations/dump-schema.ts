import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import knex from 'knex';
import { migrateToLatest } from './migrator.ts';
import { dumpSchema } from './schema-dump.ts';

const usage = `Usage: DATABASE_URL=… node migrations/dump-schema.ts [--check]
Writes migrations/schema.sql from a scratch database on that server, or with --check only compares.
npm run check:generated does the same with a database server of its own.`;

const goldenPath = join(import.meta.dirname, 'schema.sql');

/** Migrates a scratch database beside the one `url` names, dumps its schema, drops it. */
async function schemaOnServer(url: string): Promise<string> {
  const server = knex({ client: 'pg', connection: url, pool: { min: 0, max: 1 } });
  const name = `schema-dump-${randomBytes(4).toString('hex')}`;
  const scratch = new URL(url);
  scratch.pathname = `/${name}`;
  try {
    await server.raw('CREATE DATABASE ??', [name]);
    const db = knex({ client: 'pg', connection: scratch.href, pool: { min: 0, max: 1 } });
    try {
      await migrateToLatest(db);
      return await dumpSchema(db);
    } finally {
      await db.destroy();
      await server.raw('DROP DATABASE ??', [name]);
    }
  } finally {
    await server.destroy();
  }
}

async function main(flags: string[]): Promise<number> {
  const url = process.env.DATABASE_URL;
  if (!url || flags.some((flag) => flag !== '--check')) {
    console.error(usage);
    return 2;
  }
  const schema = await schemaOnServer(url);
  if (!flags.includes('--check')) {
    await writeFile(goldenPath, schema);
    return 0;
  }
  if (schema === (await readFile(goldenPath, 'utf8').catch(() => ''))) return 0;
  console.error(
    'migrations/schema.sql differs from what the migrations make. Run: npm run check:generated -- --write',
  );
  return 1;
}

process.exitCode = await main(process.argv.slice(2));
