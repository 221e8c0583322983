import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Database, transaction } from '../../db/database.ts';
import { createLogger } from '../../kernel/logger.ts';
import { AuditAnchors, parseHead, readAnchors } from './audit-anchors.ts';
import type { AuditEntry } from './audit-entry.ts';
import { record } from './audit-log.ts';
import { readHead, verifyAuditLog } from './audit-verification.ts';

const entry: AuditEntry = {
  action: 'device.activate',
  actor: { kind: 'user', id: 'u1' },
  subject: { kind: 'device', id: 'aovis-n4k-000123' },
  outcome: 'ok',
  details: { z: 1, a: { y: [1.5, 'ü', null], b: true } },
  requestId: 'r1',
};

describe('the audit log', () => {
  let database: TestDatabase;
  let db: Database;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());

  /** As an intruder with all rights on the database would. */
  async function tamper(sql: string): Promise<void> {
    await db.transaction(async (trx) => {
      await trx.raw('ALTER TABLE audit_log DISABLE TRIGGER USER');
      await trx.raw(sql);
      await trx.raw('ALTER TABLE audit_log ENABLE TRIGGER USER');
    });
  }

  beforeEach(async () => {
    await tamper(
      `DELETE FROM audit_log; DELETE FROM audit_head;
       INSERT INTO audit_head (seq, hash) VALUES (0, decode(repeat('00', 32), 'hex'))`,
    );
    for (let i = 0; i < 5; i++) await transaction(db, (trx) => record(trx, { ...entry, details: { i } }));
  });

  it('verifies, whatever the details hold', async () => {
    const odd = { text: 'a\0b\ud800', nothing: undefined, big: 1e21, small: -0, nested: entry.details };
    await transaction(db, (trx) =>
      record(trx, { ...entry, actor: { kind: 'anonymous', id: 'x\0' }, details: odd }),
    );
    expect(await verifyAuditLog(db)).toMatchObject({ ok: true, head: { seq: 6n } });
  });

  it('rolls back with the change it belongs to', async () => {
    const failing = transaction(db, async (trx) => {
      await record(trx, entry);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await verifyAuditLog(db)).toMatchObject({ ok: true, head: { seq: 5n } });
  });

  it('belongs into a transaction', async () => {
    await expect(record(db, entry)).rejects.toThrow('belongs into the transaction');
  });

  it('keeps one gapless chain when many write at once', async () => {
    await Promise.all(Array.from({ length: 40 }, () => transaction(db, (trx) => record(trx, entry))));
    expect(await verifyAuditLog(db)).toMatchObject({ ok: true, head: { seq: 45n } });
  });

  it.each([[`UPDATE audit_log SET outcome = 'refused'`], ['DELETE FROM audit_log'], ['TRUNCATE audit_log']])(
    'refuses %s',
    async (sql) => {
      await expect(db.raw(sql)).rejects.toThrow('audit_log is append-only');
    },
  );

  it.each([
    ['an edit', `UPDATE audit_log SET details = '{"i":9}' WHERE seq = 3`, 'entry 3 was changed'],
    ['an edited time', `UPDATE audit_log SET at = at + interval '1 ms' WHERE seq = 2`, 'entry 2 was changed'],
    ['a removal', 'DELETE FROM audit_log WHERE seq = 3', 'entry 3 is missing'],
    [
      'a removal with the rest moved up',
      'DELETE FROM audit_log WHERE seq = 3; UPDATE audit_log SET seq = 1 - seq WHERE seq > 3; UPDATE audit_log SET seq = -seq WHERE seq < 0',
      'entry 3 does not continue entry 2',
    ],
    [
      'a swap',
      'UPDATE audit_log SET seq = -2 WHERE seq = 2; UPDATE audit_log SET seq = 2 WHERE seq = 3; UPDATE audit_log SET seq = 3 WHERE seq = -2',
      'entry 2 does not continue entry 1',
    ],
    ['a cut end', 'DELETE FROM audit_log WHERE seq > 3', 'the end was cut off'],
    ['an entry put before the first', 'UPDATE audit_log SET seq = -7 WHERE seq = 5', 'followed by -7'],
    ['a head that was set back', 'UPDATE audit_head SET seq = 3', 'its head says 3: one of them was changed'],
    ['a head that was removed', 'DELETE FROM audit_head', 'the head of the audit log is missing'],
  ])('finds %s', async (_what, sql, problem) => {
    await tamper(sql);
    expect(await verifyAuditLog(db)).toEqual({ ok: false, problem: expect.stringContaining(problem) });
  });

  it('finds a cut end that also mended the head, and a log written anew, by an anchor', async () => {
    const anchor = await readHead(db);
    await tamper(
      `DELETE FROM audit_log WHERE seq > 3; UPDATE audit_head SET seq = 3, hash = (SELECT hash FROM audit_log WHERE seq = 3)`,
    );
    expect(await verifyAuditLog(db)).toMatchObject({ ok: true });
    expect(await verifyAuditLog(db, [anchor])).toMatchObject({
      ok: false,
      problem: expect.stringContaining('entry 5 was anchored'),
    });
    for (let i = 0; i < 4; i++) await transaction(db, (trx) => record(trx, entry));
    expect(await verifyAuditLog(db, [anchor])).toMatchObject({
      ok: false,
      problem: expect.stringContaining('written anew'),
    });
  });

  it('anchors its end in a file, once for each new end', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aovis-anchors-'));
    try {
      const path = join(folder, 'anchors');
      const anchors = new AuditAnchors({ db, path, log: createLogger({ level: 'silent' }) });
      await anchors.note(path);
      await anchors.note(path);
      await transaction(db, (trx) => record(trx, entry));
      await anchors.note(path);
      expect((await readFile(path, 'utf8')).trim().split('\n')).toHaveLength(2);
      expect(await verifyAuditLog(db, await readAnchors(path))).toMatchObject({ ok: true });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('goes on after a line that a power cut tore', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aovis-anchors-'));
    try {
      const path = join(folder, 'anchors');
      await writeFile(path, '3:0c4f');
      const note = (): Promise<void> =>
        new AuditAnchors({ db, path, log: createLogger({ level: 'silent' }) }).note(path);
      await note();
      await note();
      const head = await readHead(db);
      expect(await readAnchors(path)).toEqual([head, head]);
      await writeFile(path, 'something else\n');
      await expect(readAnchors(path)).rejects.toThrow('is no anchor');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('refuses an anchor that is none', () => {
    expect(() => parseHead('5:abc')).toThrow('is no anchor');
  });
});
