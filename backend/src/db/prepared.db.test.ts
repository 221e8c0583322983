import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDatabase, transaction } from './database.ts';
import { runPrepared } from './prepared.ts';

const doubled = { name: 'test-doubled', text: 'SELECT $1::int * 2 AS number' };

describe('a prepared statement', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    await database.knex.raw('CREATE TABLE notes (id integer PRIMARY KEY)');
  });
  afterAll(() => database.drop());

  it('is parsed once a connection', async () => {
    const db = openDatabase({ url: database.url, poolSize: 1 });
    for (const number of [1, 2, 3])
      expect(await runPrepared(db, doubled, [number])).toEqual([{ number: number * 2 }]);
    const { rows } = await db.raw<{ rows: object[] }>('SELECT name FROM pg_prepared_statements');
    expect(rows).toEqual([{ name: 'test-doubled' }]);
    await db.destroy();
  });

  it('sees what its transaction did, and is rolled back with it', async () => {
    const insert = { name: 'test-insert', text: 'INSERT INTO notes (id) VALUES ($1) RETURNING id' };
    const count = { name: 'test-count', text: 'SELECT count(*)::int AS found FROM notes' };
    const failing = transaction(database.knex, async (trx) => {
      expect(await runPrepared(trx, insert, [1])).toEqual([{ id: 1 }]);
      expect(await runPrepared(trx, count, [])).toEqual([{ found: 1 }]);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await runPrepared(database.knex, count, [])).toEqual([{ found: 0 }]);
  });

  it('gives its connection back when it fails', async () => {
    const db = openDatabase({ url: database.url, poolSize: 1 });
    const broken = { name: 'test-broken', text: 'SELECT 1 / $1::int AS quotient' };
    await expect(runPrepared(db, broken, [0])).rejects.toThrow('division by zero');
    expect(await runPrepared(db, broken, [1])).toEqual([{ quotient: 1 }]);
    await db.destroy();
  });

  it('waits for a connection no longer than other queries do', async () => {
    const db = openDatabase({ url: database.url, poolSize: 1, acquireTimeoutMs: 50 });
    await transaction(db, async () => {
      await expect(runPrepared(db, doubled, [1])).rejects.toThrow('timeout exceeded');
    });
    await db.destroy();
  });
});
