import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { uniqueIndex } from '@aovis/migrations/added-constraint';
import { migrateToLatest, preflight, readSchemaState } from '@aovis/migrations/migrator';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from './test-database.ts';

const root = join(import.meta.dirname, '../../..');
const migration = '20261122-8-sim-imsi';
const sims = [
  { iccid: '89860000000000000017', imsi: '460000000000001' },
  { iccid: '89860000000000000025', imsi: '460000000000001' },
  { iccid: '89860000000000000033', imsi: '460000000000003' },
];

/** Runs `npm run migrate` as the operator does; what it prints, and how it ends. */
async function migrate(url: string, ...flags: string[]): Promise<{ code: number; printed: string }> {
  const environment = { ...process.env, DATABASE_URL: url };
  const command = [join(root, 'migrations/migrate.ts'), ...flags];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, command, { env: environment });
    return { code: 0, printed: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, printed: stdout + stderr };
  }
}

describe('rows in the way of a constraint that a migration adds', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    const { knex } = database;
    await knex.raw('DROP INDEX IF EXISTS sims_imsi');
    await knex('schema_migrations').where({ name: migration }).delete();
    await knex('sims').delete();
    await knex('sims').insert(sims);
  });

  it('are told before anything is changed, without showing a whole card number', async () => {
    const { code, printed } = await migrate(database.url, '--preflight');
    expect(code).toBe(1);
    expect(printed).toBe(
      'sims_imsi cannot be added to sims: 1 conflict. Mend these rows, then migrate again:\n' +
        '  rows …0017, …0025 have the same imsi\n',
    );
    expect((await readSchemaState(database.knex)).pending).toEqual([migration]);
  });

  it('stop the migration, which changes nothing', async () => {
    const { code, printed } = await migrate(database.url);
    expect(code).toBe(1);
    expect(printed).toContain('rows …0017, …0025 have the same imsi');
    expect((await readSchemaState(database.knex)).pending).toEqual([migration]);
  });

  it('are gone when they were mended', async () => {
    await database.knex('sims').where({ iccid: sims[1]?.iccid }).update({ imsi: '460000000000002' });
    expect(await preflight(database.knex)).toEqual([]);
    expect(await migrateToLatest(database.knex)).toEqual([migration]);
    await expect(
      database.knex('sims').where({ iccid: sims[1]?.iccid }).update({ imsi: sims[0]?.imsi }),
    ).rejects.toThrow('sims_imsi');
  });

  it('are counted, and the first of them shown', async () => {
    const { knex } = database;
    await knex.raw(
      'CREATE TABLE old_orders (id integer, stripe_session_id text, test boolean DEFAULT false)',
    );
    await knex.raw(`INSERT INTO old_orders SELECT n, 'cs_' || n / 2 FROM generate_series(2, 17) n`);
    await knex.raw(
      `INSERT INTO old_orders VALUES (20, NULL, false), (21, NULL, false), (22, 'cs_9', true), (23, 'cs_9', true)`,
    );
    const { conflictQuery } = uniqueIndex({
      name: 'old_orders_session',
      table: 'old_orders',
      columns: ['stripe_session_id'],
      rowName: 'id::text',
      where: 'NOT test',
    });
    const { rows } = await knex.raw<{ rows: { conflict: string }[] }>(conflictQuery);
    expect(rows).toHaveLength(8);
    expect(rows[0]).toEqual({ conflict: 'rows 10, 11 have the same stripe_session_id' });
  });
});
