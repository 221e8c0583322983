import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type InstalledPostgres,
  startInstalledPostgres,
} from '@aovis/dev-database/testing/installed-postgres';
import { migrateToLatest, readSchemaState } from '@aovis/migrations/migrator';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Database, openDatabase, transaction } from '../../db/database.ts';
import { enqueue } from '../../outbox/outbox.ts';
import { seedPurchase } from '../data-plans/testing/seed.ts';
import { seedBoard, seedOwnership, seedUser } from '../devices/testing/seed.ts';
import { record } from './audit-log.ts';
import { readHead, verifyAuditLog } from './audit-verification.ts';

describe('a backup by pg_dump while the shop is open', () => {
  let server: InstalledPostgres;
  let folder: string;
  let original: Database;

  beforeAll(async () => {
    server = await startInstalledPostgres();
    folder = await mkdtemp(join(tmpdir(), 'aovis-backup-'));
    original = await emptyDatabase('original');
    await migrateToLatest(original);
    for (let number = 1; number <= 20; number++) await somethingHappens();
  }, 60_000);
  afterAll(async () => {
    await original?.destroy();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function emptyDatabase(name: string): Promise<Database> {
    const admin = openDatabase({ url: server.urlOf('postgres'), poolSize: 1 });
    await admin.raw(`CREATE DATABASE ${name}`);
    await admin.destroy();
    return openDatabase({ url: server.urlOf(name), poolSize: 2 });
  }

  async function somethingHappens(): Promise<void> {
    const userId = await seedUser(original);
    const deviceId = await seedBoard(original);
    await seedOwnership(original, { userId, deviceId });
    await seedPurchase(original, { userId, deviceId });
    await transaction(original, async (trx) => {
      await enqueue(trx, { topic: 'device.wipe', key: deviceId, payload: { deviceId } });
      await note(trx, deviceId);
    });
  }

  function note(trx: Database, deviceId: string): Promise<void> {
    return record(trx, {
      action: 'device.activate',
      actor: { kind: 'user', id: 'u1' },
      subject: { kind: 'device', id: deviceId },
      outcome: 'ok',
      details: { umlaut: 'ü', number: 1.5, nothing: null },
      requestId: 'r1',
    });
  }

  it('comes back with the same rows, the same audit head, and the same guards', async () => {
    const dump = join(folder, 'aovis.dump');
    const before = { rows: await rowsOf(original), head: await readHead(original) };
    await server.run('pg_dump', ['--format=custom', `--file=${dump}`, server.urlOf('original')]);
    await somethingHappens();

    const restored = await emptyDatabase('restored');
    await server.run('pg_restore', [
      '--no-owner',
      '--exit-on-error',
      `--dbname=${server.urlOf('restored')}`,
      dump,
    ]);
    try {
      expect(await rowsOf(restored)).toEqual(before.rows);
      expect(before.rows).toMatchObject({ devices: 20, data_plan_purchases: 20, audit_log: 20, outbox: 20 });
      expect(await verifyAuditLog(restored, [before.head])).toEqual({ ok: true, head: before.head });
      expect(await verifyAuditLog(restored, [await readHead(original)])).toMatchObject({ ok: false });
      expect(await readSchemaState(restored)).toMatchObject({ pending: [], unknown: [] });

      await expect(restored('audit_log').where({ seq: 1 }).delete()).rejects.toThrow(/append/i);
      await transaction(restored, (trx) => note(trx, 'aovis-n4k-000001'));
      expect(await verifyAuditLog(restored, [before.head])).toMatchObject({ ok: true, head: { seq: 21n } });
    } finally {
      await restored.destroy();
    }
  });

  /** How many each table has. */
  async function rowsOf(db: Database): Promise<Record<string, number>> {
    const tables = await db('pg_tables')
      .where({ schemaname: 'public' })
      .orderBy('tablename')
      .pluck('tablename');
    const counts: Record<string, number> = {};
    for (const table of tables as string[]) {
      const [row] = await db(table).count<{ count: string }[]>();
      counts[table] = Number(row?.count);
    }
    return counts;
  }
});
