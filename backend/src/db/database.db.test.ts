import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AppError } from '../kernel/errors.ts';
import { openDatabase, transaction } from './database.ts';
import { isUniqueViolation } from './pg-errors.ts';

/** Between program and database, so that connections can break as they do when a machine dies: without a word. */
async function startCuttableProxy(targetPort: number, host: string) {
  const sockets = new Set<Socket>();
  const server = createServer((incoming) => {
    const outgoing = connect(targetPort, host);
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {}).on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    close: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('transaction', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
    await database.knex.raw('CREATE TABLE numbers (id integer PRIMARY KEY, n integer NOT NULL)');
    await database.knex('numbers').insert([
      { id: 1, n: 0 },
      { id: 2, n: 0 },
    ]);
  });
  afterAll(() => database.drop());

  it('does the work again after a deadlock, on both sides to the end', async () => {
    const bothHold = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let runs = 0;
    const add = (mine: number, other: number): Promise<void> =>
      transaction(database.knex, async (trx) => {
        runs++;
        await trx('numbers').where({ id: mine }).increment('n');
        bothHold[mine - 1]?.resolve();
        await bothHold[other - 1]?.promise;
        await trx('numbers').where({ id: other }).increment('n');
      });
    await Promise.all([add(1, 2), add(2, 1)]);
    // The one that begins again may lock its row before the other gets it, and lose once more.
    expect(runs).toBeGreaterThanOrEqual(3);
    expect(await database.knex('numbers').orderBy('id').pluck('n')).toEqual([2, 2]);
  });

  it('rolls back what it did when the work throws, also inside another transaction', async () => {
    await transaction(database.knex, async (outer) => {
      await outer('numbers').insert({ id: 10, n: 0 });
      const inner = transaction(outer, async (trx) => {
        await trx('numbers').insert({ id: 11, n: 0 });
        throw new AppError('forbidden');
      });
      await expect(inner).rejects.toMatchObject({ code: 'forbidden' });
    });
    expect(await database.knex('numbers').where('id', '>=', 10).pluck('id')).toEqual([10]);
  });

  it('keeps the constraint of a violation', async () => {
    const twice = transaction(database.knex, (trx) => trx('numbers').insert({ id: 1, n: 1 }));
    const error = await twice.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(isUniqueViolation(error, 'numbers_pkey')).toBe(true);
    expect(isUniqueViolation(error, 'other')).toBe(false);
  });

  it.each([
    ['before the first statement', 0],
    ['between two statements', 1],
  ])('says service_unavailable when the connection breaks %s', async (_when, statements) => {
    const url = new URL(database.url);
    const proxy = await startCuttableProxy(Number(url.port), url.hostname);
    url.port = String(proxy.port);
    const db = openDatabase({ url: url.href, poolSize: 1 });
    const broken = transaction(db, async (trx) => {
      for (let i = 0; i < statements; i++) await trx('numbers').first();
      proxy.cut();
      await trx('numbers').first();
    });
    try {
      await expect(broken).rejects.toMatchObject({ code: 'service_unavailable' });
      await expect(transaction(db, (trx) => trx('numbers').first())).resolves.toBeDefined();
    } finally {
      await db.destroy();
      await proxy.close();
    }
  });

  it('says service_unavailable when the database is away, or all connections are busy', async () => {
    const away = openDatabase({ url: 'postgres://u:p@127.0.0.1:1/d', poolSize: 2 });
    await expect(transaction(away, async () => {})).rejects.toMatchObject({ code: 'service_unavailable' });
    await away.destroy();

    const busy = openDatabase({ url: database.url, poolSize: 1, acquireTimeoutMs: 100 });
    await transaction(busy, async () => {
      await expect(transaction(busy, async () => {})).rejects.toMatchObject({ code: 'service_unavailable' });
    });
    await busy.destroy();
  });
});
