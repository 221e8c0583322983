import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { migrateToLatest, readSchemaState } from '@aovis/migrations/migrator';
import { dumpSchema } from '@aovis/migrations/schema-dump';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from './test-database.ts';

const migrationsFolder = dirname(createRequire(import.meta.url).resolve('@aovis/migrations/migrator'));

describe('the migrated schema', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it('has the schema that schema.sql shows', async () => {
    const golden = await readFile(join(migrationsFolder, 'schema.sql'), 'utf8');
    expect(await dumpSchema(database.knex)).toBe(golden);
  });

  it('finds nothing to do in a migrated database, also when several programs migrate at once', async () => {
    expect(await Promise.all([1, 2, 3].map(() => migrateToLatest(database.knex)))).toEqual([[], [], []]);
    expect((await readSchemaState(database.knex)).pending).toEqual([]);
  });

  it('migrates an empty database once when several programs start together', async () => {
    const empty = await createTestDatabase();
    await empty.knex.raw('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    const ran = await Promise.all([migrateToLatest(empty.knex), migrateToLatest(empty.knex)]);
    expect(ran.flat().sort()).toEqual((await readSchemaState(database.knex)).applied.sort());
    expect(await dumpSchema(empty.knex)).toBe(await dumpSchema(database.knex));
    await empty.drop();
  });

  it('refuses a database that a newer program migrated', async () => {
    await database.knex('schema_migrations').insert({ name: '20991231-1-future' });
    await expect(migrateToLatest(database.knex)).rejects.toThrow(
      'The database is newer than this program: it carries 20991231-1-future',
    );
    await database.knex('schema_migrations').where({ name: '20991231-1-future' }).delete();
  });

  it('has an index that starts with the columns of every foreign key', async () => {
    const { rows } = await database.knex.raw(`
    SELECT conname FROM pg_constraint c WHERE contype = 'f' AND connamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid
        AND (i.indkey::smallint[])[0:cardinality(c.conkey) - 1] = c.conkey)`);
    expect(rows).toEqual([]);
  });
});
