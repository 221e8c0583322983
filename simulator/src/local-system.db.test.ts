import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LocalSystem } from './local-system.ts';

describe('a system on a database of one’s own', () => {
  let database: TestDatabase;
  let directory: string;
  let system: LocalSystem;

  beforeAll(async () => {
    database = await createTestDatabase();
    directory = await mkdtemp(join(tmpdir(), 'aovis-local-system-'));
    system = new LocalSystem({ directory, databaseUrl: database.url });
    await system.startDatabase();
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
    await database.drop();
  });

  it('makes the schema in an empty database', async () => {
    await database.knex.raw('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    await system.migrate();
    expect(await database.knex('users')).toEqual([]);
  }, 20_000);

  it('refuses a database of a newer version', async () => {
    await database.knex('schema_migrations').insert({ name: '20991231-1-future' });
    await expect(system.migrate()).rejects.toThrow('The database is newer than this program');
    await database.knex('schema_migrations').where({ name: '20991231-1-future' }).delete();
  }, 20_000);

  it('refuses a database in which the stations of another system are registered', async () => {
    await database.knex('factory_stations').insert({ station_id: 'line-1', public_key_pem: 'another' });
    await expect(system.migrate()).rejects.toThrow('belongs to another system already');
  }, 20_000);
});

it('refuses a folder that it cannot write to', () => {
  const directory = join(import.meta.filename, 'below-a-file');
  expect(() => new LocalSystem({ directory })).toThrow(`cannot be written to ${directory}`);
});
