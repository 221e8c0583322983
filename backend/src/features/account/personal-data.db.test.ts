import { setImmediate as nextTurn } from 'node:timers/promises';
import { accountExportSchema } from '@aovis/contracts/http/account';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Database, transaction } from '../../db/database.ts';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { record } from '../audit/audit-log.ts';
import { verifyAuditLog } from '../audit/audit-verification.ts';
import { SessionDirectory } from '../auth/session-directory.ts';
import { DeletionService } from './deletion-service.ts';
import { eraseRecordedTopic, erasureOutboxHandlers } from './erasure.ts';
import { exportSections, notExported } from './export-sections.ts';
import { AccountExportService } from './export-service.ts';
import {
  type SeededPerson,
  seedOrder,
  seedPerson,
  seedRecorded,
  seedSession,
} from './testing/seed-person.ts';

describe('what is stored about a person', () => {
  let database: TestDatabase;
  let db: Database;
  let clock: FakeClock;
  let deletions: DeletionService;
  let anna: SeededPerson;
  let word: string;
  let people = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    clock = new FakeClock();
    deletions = new DeletionService({ db, clock, sessions: new SessionDirectory({ db, clock }) });
    people += 1;
    word = `canary-anna-${people}`;
    anna = await seedPerson(db, word, clock.now());
    await transaction(db, (trx) =>
      record(trx, {
        action: 'session.open',
        actor: { kind: 'user', id: anna.userId },
        subject: { kind: 'provider', id: 'google' },
        outcome: 'ok',
        details: {},
      }),
    );
  });

  const holder = () => ({ userId: anna.userId, sessionId: anna.sessionId, requestId: 'test' });
  const counter = { increment: async () => ({ totalHits: 1, resetTime: undefined }) };

  async function exportOf(userId: string) {
    const chunks: Buffer[] = [];
    const service = new AccountExportService({ db, clock, counter });
    for await (const chunk of await service.open({ userId, requestId: 'test' })) chunks.push(chunk);
    return accountExportSchema.parse(JSON.parse(Buffer.concat(chunks).toString()));
  }

  /** `table.column` of all that holds the text, whatever the type of the column. */
  async function placesOf(text: string): Promise<string[]> {
    const columns = await db('information_schema.columns')
      .where({ table_schema: 'public' })
      .select<{ table_name: string; column_name: string }[]>('table_name', 'column_name');
    const places: string[] = [];
    for (const { table_name, column_name } of columns) {
      const found = await db(table_name)
        .whereRaw('??::text ILIKE ?', [column_name, `%${text}%`])
        .first();
      if (found !== undefined) places.push(`${table_name}.${column_name}`);
    }
    return places;
  }

  async function eraseInBackground(): Promise<void> {
    const handler = erasureOutboxHandlers(db)[eraseRecordedTopic];
    const payload = { user_id: anna.userId };
    await handler?.(payload, { attempt: 1, signal: new AbortController().signal });
  }

  describe('the export', () => {
    it('has a section for every table that refers to users', async () => {
      const { rows } = await db.raw<{ rows: { name: string }[] }>(
        `SELECT table_name AS name FROM information_schema.columns
           WHERE table_schema = 'public' AND column_name = 'user_id'
         UNION SELECT conrelid::regclass::text FROM pg_constraint WHERE confrelid = 'users'::regclass`,
      );
      const told = new Set([...exportSections.flatMap(({ tables }) => tables), ...Object.keys(notExported)]);
      expect(rows.length).toBeGreaterThan(5);
      expect(rows.map(({ name }) => name).filter((name) => !told.has(name))).toEqual([]);
    });

    it('tells everything, and nothing of others', async () => {
      await seedPerson(db, 'canary-stranger', clock.now());
      const { sections, ...head } = await exportOf(anna.userId);
      expect(head).toEqual({ format: 'aovis-account-export-1', exported_at: '2026-11-20T12:00:00.000Z' });
      const counts = Object.fromEntries(Object.entries(sections).map(([name, rows]) => [name, rows.length]));
      expect(counts).toMatchObject({ identities: 2, devices: 2, commands: 2, events: 2, telemetry: 2 });
      // So that the tests of closing an account look for what was really there.
      expect(Object.entries(counts).filter(([, count]) => count === 0)).toEqual([]);
      expect(sections.orders?.[0]).toMatchObject({
        email: anna.email,
        shipping: { name: anna.name },
        items: [{ sku: 'N4K-WHITE', quantity: 1 }],
        refunds: [{ amount_minor: 100 }],
      });
      expect(sections.entitlements?.[0]).toMatchObject({ ledger: [{ change: 'granted' }] });
      expect(JSON.stringify(sections)).not.toContain('canary-stranger');
    });

    it('holds no secrets, and masks the numbers of SIM cards', async () => {
      const { sections } = await exportOf(anna.userId);
      const iccid = await db('devices').where({ device_id: anna.deviceId }).pluck<string[]>('iccid');
      const text = JSON.stringify(sections);
      expect(text).not.toContain(iccid[0]);
      expect(sections.purchases?.[0]?.iccid).toMatch(/^8944\*+\d{4}$/);
      expect(text).not.toMatch(/hash|token|secret/);
    });

    it('leaves out what a device reported to its other owners', async () => {
      const dayMs = 86_400_000;
      const later = new Date(clock.now().getTime() - dayMs / 4);
      const earlier = new Date(clock.now().getTime() - 5 * dayMs);
      for (const at of [later, earlier])
        await db('device_events').insert({
          device_id: anna.formerDeviceId,
          event_id: `of-another-${at.getTime()}`,
          type: 'motion',
          occurred_at: at,
          seq: 1,
          data: '{}',
        });
      expect(JSON.stringify(await exportOf(anna.userId))).not.toContain('of-another');
    });

    it('is whole over more than one page', async () => {
      const at = new Date(clock.now().getTime() - 3_600_000);
      await db.raw(
        `INSERT INTO device_telemetry (device_id, event_id, metric, value, unit, at, received_at)
         SELECT ?, 'e' || n, 'temperature', n, 'Cel', ?::timestamptz + (n / 3) * interval '1 us', now()
         FROM generate_series(1, 2500) AS n`,
        [anna.deviceId, at],
      );
      await db.raw(
        `INSERT INTO device_events (device_id, event_id, type, occurred_at, seq, data)
         SELECT ?, 'e' || n, 'motion', ?, n, '{}' FROM generate_series(1, 2000) AS n`,
        [anna.deviceId, at],
      );
      const { sections } = await exportOf(anna.userId);
      expect(new Set(sections.telemetry?.map(({ value }) => value)).size).toBe(2_501);
      expect(new Set(sections.events?.map(({ event_id }) => event_id)).size).toBe(2_002);
    });

    it('is five times an hour at most, and audited', async () => {
      let totalHits = 0;
      const counting = { increment: async () => ({ totalHits: ++totalHits, resetTime: undefined }) };
      const service = new AccountExportService({ db, clock, counter: counting });
      for (let i = 0; i < 5; i++) await service.open(holder());
      await expect(service.open(holder())).rejects.toMatchObject({ code: 'rate_limited' });
      const outcomes = await db('audit_log')
        .where({ action: 'account.export', actor_id: anna.userId })
        .orderBy('seq')
        .pluck<string[]>('outcome');
      expect(outcomes).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'refused']);
    });
  });

  describe('closing an account', () => {
    it('leaves no trace of name and address in any table', async () => {
      expect(await placesOf(word)).toEqual(expect.arrayContaining(['users.email', 'orders.shipping']));
      await deletions.delete(holder());
      await eraseInBackground();
      expect(await placesOf(word)).toEqual([]);
      expect(await placesOf(anna.sessionId)).toEqual([]);
    });

    it('keeps what was sold, the history of the device and a chain of audit rows that is whole', async () => {
      await deletions.delete(holder());
      expect(await db('orders').where({ id: anna.orderId }).first()).toMatchObject({
        total_minor: 19_900,
        status: 'paid',
        email: null,
        shipping: null,
      });
      expect(await db('data_plan_purchases').where({ user_id: anna.userId })).toHaveLength(1);
      expect(await db('entitlements').where({ user_id: anna.userId })).toHaveLength(1);
      expect(await verifyAuditLog(db)).toMatchObject({ ok: true });
    });

    it('releases the devices, with what follows in the cloud', async () => {
      await deletions.delete(holder());
      const open = await db('device_ownerships').where({ user_id: anna.userId, ended_at: null });
      expect(open).toEqual([]);
      const messages = await db('outbox')
        .whereIn('key', [anna.deviceId, `account:${anna.userId}`])
        .orderBy('id')
        .pluck<string[]>('topic');
      expect(messages).toEqual(['device.released', eraseRecordedTopic]);
    });

    it('ends what was shared either way', async () => {
      const open = () => db('device_shares').where({ ended_at: null, viewer_id: anna.userId });
      const own = () => db('device_shares').where({ ended_at: null, device_id: anna.deviceId });
      expect([await open(), await own()]).toMatchObject([[{}], [{}]]);
      await deletions.delete(holder());
      expect([await open(), await own()]).toEqual([[], []]);
      expect(await db('device_transfers').where({ recipient_email: anna.email })).toEqual([]);
    });

    it('removes what the devices reported, and leaves what they report to others', async () => {
      await deletions.delete(holder());
      const other = await seedPerson(db, `other-${people}`, clock.now());
      await db('device_events').insert({
        device_id: anna.deviceId,
        event_id: 'of-the-next-owner',
        type: 'motion',
        occurred_at: clock.now(),
        seq: 1,
        data: '{}',
      });
      await eraseInBackground();
      await eraseInBackground();
      for (const table of ['device_telemetry', 'device_commands'])
        expect(await db(table).whereIn('device_id', [anna.deviceId, anna.formerDeviceId])).toEqual([]);
      const events = db('device_events').where({ device_id: anna.deviceId });
      expect(await events.pluck('event_id')).toEqual(['of-the-next-owner']);
      expect(await db('device_events').where({ device_id: other.deviceId })).toHaveLength(1);
    });

    it('removes in batches, however much there is', async () => {
      for (let i = 0; i < 3; i++)
        await seedRecorded(db, {
          deviceId: anna.formerDeviceId,
          at: new Date(clock.now().getTime() - 1.5 * 86_400_000),
          note: word,
        });
      await db.raw(
        `INSERT INTO device_telemetry (device_id, event_id, metric, value, unit, at)
         SELECT device_id, 'e' || n, 'temperature', n, 'Cel', started_at FROM device_ownerships, generate_series(1, 2500) AS n
         WHERE user_id = ?`,
        [anna.userId],
      );
      await deletions.delete(holder());
      await eraseInBackground();
      expect(await db('device_telemetry').where({ device_id: anna.formerDeviceId })).toEqual([]);
    });

    it('takes a sign-in of the last ten minutes, and notes a refusal', async () => {
      clock.advance(600_001);
      await expect(deletions.delete(holder())).rejects.toMatchObject({
        code: 'fresh_sign_in_required',
        details: { max_age_seconds: 600 },
      });
      const refusal = { action: 'account.delete', actor_id: anna.userId, outcome: 'refused' };
      expect(await db('audit_log').where(refusal)).toHaveLength(1);
      const strange = { ...holder(), sessionId: 'b1f7e1d4-0d0e-4b57-8c8b-5f5b0a2f7c11' };
      await expect(deletions.delete(strange)).rejects.toMatchObject({ code: 'fresh_sign_in_required' });
    });

    it('happens once, asked for twice at the same time', async () => {
      const second = await seedSession(db, anna.userId, { userAgent: 'x', at: clock.now() });
      const answers = await Promise.allSettled([
        deletions.delete(holder()),
        deletions.delete({ ...holder(), sessionId: second }),
      ]);
      for (const answer of answers)
        if (answer.status === 'rejected')
          expect(answer.reason).toMatchObject({ code: 'fresh_sign_in_required' });
      const done = { action: 'account.delete', actor_id: anna.userId, outcome: 'ok' };
      expect(await db('audit_log').where(done)).toHaveLength(1);
    });

    it('leaves the orders of guests alone, whatever address is on them', async () => {
      const guest = { userId: null, email: anna.email, name: 'Guest', at: clock.now() };
      const orderId = await seedOrder(db, guest);
      await deletions.delete(holder());
      expect(await db('orders').where({ id: orderId }).first()).toMatchObject({ email: anna.email });
      await db('orders').where({ id: orderId }).update({ email: null });
    });

    it('is final: nothing can be put back', async () => {
      await deletions.delete(holder());
      const user = { user_id: anna.userId };
      const inserts = [
        db('identities').insert({ ...user, provider: 'email', subject: 'x@example.com' }),
        db('account_consents').insert({ ...user, kind: 'marketing', given: true, at: clock.now() }),
        seedSession(db, anna.userId, { userAgent: 'x', at: clock.now() }),
      ];
      for (const insert of inserts) await expect(insert).rejects.toThrow('is closed');
      await expect(db('users').where({ id: anna.userId }).update({ display_name: 'Anna' })).rejects.toThrow(
        'users_deleted_is_nobody',
      );
    });

    it('makes who signs in meanwhile wait, and then begin anew', async () => {
      const closing = await db.transaction();
      await closing('users').where({ id: anna.userId }).forUpdate();
      let runs = 0;
      const signingIn = transaction(db, async (trx) => {
        runs += 1;
        const open = await trx('users')
          .where({ id: anna.userId, status: 'active' })
          .first<object | undefined>();
        if (open !== undefined) await seedSession(trx, anna.userId, { userAgent: 'x', at: clock.now() });
        return open !== undefined;
      });
      await untilWaiting(db);
      await closing('users').where({ id: anna.userId }).update({
        status: 'deleted',
        deleted_at: clock.now(),
        email: null,
        email_verified_at: null,
        display_name: null,
      });
      await closing.commit();
      expect(await signingIn).toBe(false);
      expect(runs).toBe(2);
    });
  });
});

/** Until somebody waits for a lock in this database. */
async function untilWaiting(db: Database): Promise<void> {
  for (;;) {
    const waiting = await db('pg_stat_activity')
      .where({ wait_event_type: 'Lock' })
      .whereRaw('datname = current_database()')
      .first<object | undefined>('pid');
    if (waiting !== undefined) return;
    await nextTurn();
  }
}
