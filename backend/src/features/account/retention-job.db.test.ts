import { randomBytes, randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../db/database.ts';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { ulidOf } from '../../kernel/ulid.ts';
import { seedBoard, seedOwnership, seedUser } from '../devices/testing/seed.ts';
import { dataClasses } from './retention-classes.ts';
import { retentionJob } from './retention-job.ts';
import { seedOrder, seedPerson, seedRecorded, seedSession } from './testing/seed-person.ts';

const dayMs = 86_400_000;
const never = new AbortController().signal;

describe('the retention job', () => {
  let database: TestDatabase;
  let db: Database;
  let clock: FakeClock;
  let userId: string;
  let deviceId: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    clock = new FakeClock();
    userId = await seedUser(db);
    deviceId = await seedBoard(db);
  });

  const run = (signal = never) => retentionJob({ db, clock }).run(signal);
  const daysAgo = (days: number): Date => new Date(clock.now().getTime() - days * dayMs);

  /** Puts one row of the class there, over since so long. */
  const seeds: Record<string, (over: Date) => Promise<unknown>> = {
    sessions: async (over) => {
      const id = await seedSession(db, userId, { userAgent: 'x', at: over });
      await db('sessions').where({ id }).update({ revoked_at: over, revoked_reason: 'signed_out' });
    },
    refresh_tokens: async (over) => {
      const id = await seedSession(db, userId, { userAgent: 'x', at: over });
      await db('refresh_tokens').where({ session_id: id }).update({ rotated_at: over });
    },
    magic_links: (over) =>
      db('magic_links').insert({
        email: 'a@example.com',
        token_hash: randomBytes(32),
        requester_hash: randomBytes(32),
        created_at: over,
        expires_at: over,
      }),
    activation_attempts: (over) =>
      db('activation_attempts').insert({ device_id: deviceId, ip: '::', outcome: 'ok', at: over }),
    idempotency_keys: (over) =>
      db('idempotency_keys').insert({
        scope: 's',
        key: randomUUID(),
        fingerprint: Buffer.of(1),
        expires_at: over,
      }),
    device_claims: (over) =>
      db('device_claims').insert({
        id: ulidOf(over, randomBytes(10)),
        device_id: deviceId,
        user_id: userId,
        epoch: 0,
        nonce: randomBytes(32).toString('base64url'),
        status: 'expired',
        failure: 'device_proof_timeout',
        request_id: 'test',
        created_at: new Date(over.getTime() - 120_000),
        expires_at: over,
        ended_at: over,
      }),
    rate_limits: (over) => db('rate_limits').insert({ key: randomUUID(), hits: 1, resets_at: over }),
    outbox_dead_letters: (over) =>
      db('outbox').insert({ topic: 't', key: 'k', payload: '{}', dead_at: over }),
    webhook_payloads: (over) => seedWebhook(over, '{"name":"Anna"}'),
    webhook_events: (over) => seedWebhook(over, '{}'),
    events: (over) => seedEvent(over),
    telemetry: (over) => seedTelemetry(over),
    commands: async (over) => {
      const own = await seedBoard(db);
      await seedOwnership(db, { userId, deviceId: own, startedAt: daysAgo(300) });
      await seedRecorded(db, { deviceId: own, at: over, note: 'x' });
      for (const table of ['device_events', 'device_telemetry'])
        await db(table).where({ device_id: own }).delete();
    },
    former_owner_events: (over) => seedFormer(over, 'device_events'),
    former_owner_telemetry: (over) => seedFormer(over, 'device_telemetry'),
    former_owner_commands: (over) => seedFormer(over, 'device_commands'),
    shares: (over) => seedShare({ ended_at: over, end_reason: 'revoked' }),
    transfers: (over) => seedTransfer({ closed_at: over, close_reason: 'cancelled', recipient_email: null }),
    staff_invitations: (over) =>
      db('staff_invitations').insert({
        token_hash: randomBytes(32),
        role: 'support',
        email: 'a@example.com',
        created_at: over,
        expires_at: over,
      }),
    ingested_messages: (over) =>
      db('ingested_messages').insert({
        device_id: deviceId,
        event_id: randomUUID(),
        kind: 'event',
        received_at: over,
      }),
    closed_account_orders: async (over) => {
      const closed = await seedUser(db);
      await seedOrder(db, { userId: closed, email: 'a@example.com', name: 'Anna', at: daysAgo(100) });
      await db('users')
        .where({ id: closed })
        .update({ status: 'deleted', deleted_at: over, display_name: null });
    },
    order_addresses: (over) =>
      seedOrder(db, { userId: null, email: 'g@example.com', name: 'Gast', at: over }),
    unpaid_order_items: (over) => seedUnpaid(over),
    unpaid_orders: async (over) => {
      await db('order_items')
        .where({ order_id: await seedUnpaid(over) })
        .delete();
    },
    unpaid_purchases: async (over) => {
      const person = await seedPerson(db, randomUUID(), daysAgo(0));
      const purchase = await db('data_plan_purchases').where({ user_id: person.userId }).first<object>('*');
      await db('data_plan_purchases').insert({
        ...purchase,
        id: randomUUID(),
        status: 'failed',
        paid_at: null,
        created_at: over,
      });
    },
  };

  function seedUnpaid(at: Date): Promise<string> {
    return seedOrder(db, { userId: null, email: null, name: '', at, status: 'expired' });
  }

  async function seedWebhook(at: Date, payload: string): Promise<void> {
    const event = { provider: 'p', event_id: randomUUID(), type: 't', payload, received_at: at };
    await db('webhook_events').insert(event);
  }

  async function seedEvent(at: Date, of = deviceId): Promise<void> {
    const event = { device_id: of, event_id: randomUUID(), type: 'motion', seq: 1, data: '{}' };
    await db('device_events').insert({ ...event, occurred_at: at, received_at: at });
  }

  async function seedTelemetry(at: Date): Promise<void> {
    const sample = { device_id: deviceId, event_id: randomUUID(), metric: 'm', value: 1, unit: 'u' };
    await db('device_telemetry').insert({ ...sample, at, received_at: at });
  }

  /** Something of the last hour of an ownership that ended then; of the other tables nothing. */
  async function seedFormer(endedAt: Date, table: string): Promise<void> {
    const former = await seedBoard(db);
    const startedAt = new Date(endedAt.getTime() - dayMs);
    await seedOwnership(db, { userId, deviceId: former, startedAt, endedAt });
    await seedRecorded(db, { deviceId: former, at: new Date(endedAt.getTime() - 3_600_000), note: 'x' });
    for (const other of ['device_events', 'device_telemetry', 'device_commands'])
      if (other !== table) await db(other).where({ device_id: former }).delete();
  }

  const invitation = () => ({ id: randomUUID(), epoch: 1, token_hash: randomBytes(32) });

  async function seedOwnBoard(): Promise<string> {
    const own = await seedBoard(db);
    await seedOwnership(db, { userId, deviceId: own, startedAt: daysAgo(1_000) });
    return own;
  }

  async function seedShare(end: object): Promise<void> {
    const [created, until] = [daysAgo(900), daysAgo(899)];
    await db('device_shares').insert({
      ...invitation(),
      device_id: await seedOwnBoard(),
      slot: 1,
      created_at: created,
      invitation_expires_at: until,
      expires_at: until,
      ...end,
    });
  }

  async function seedTransfer(end: object): Promise<void> {
    await db('device_transfers').insert({
      ...invitation(),
      device_id: await seedOwnBoard(),
      created_at: daysAgo(900),
      expires_at: daysAgo(899),
      ...end,
    });
  }

  describe.each(dataClasses.map((dataClass) => [dataClass.name, dataClass] as const))(
    'of %s',
    (name, { keptDays }) => {
      it('removes what is over, and keeps what is not', async () => {
        await run();
        const seed = seeds[name];
        if (seed === undefined) throw new Error(`seed a row of ${name} here`);
        await seed(new Date(daysAgo(keptDays).getTime() - 1_000));
        await seed(new Date(daysAgo(keptDays).getTime() + 1_000));
        const { [name]: removed, ...others } = await run();
        expect(removed).toBe(1);
        const expected = name === 'unpaid_order_items' ? { unpaid_orders: 1 } : {};
        expect(Object.fromEntries(Object.entries(others).filter(([, count]) => count > 0))).toEqual(expected);
        clock.advance(2_000);
        expect((await run())[name]).toBe(1);
      });
    },
  );

  it('leaves what is in use alone, however old', async () => {
    const session = await seedSession(db, userId, { userAgent: 'x', at: daysAgo(200) });
    await db('sessions')
      .where({ id: session })
      .update({ expires_at: new Date(clock.now().getTime() + dayMs) });
    await seedShare({});
    await run();
    expect(await db('refresh_tokens').where({ session_id: session })).toHaveLength(1);
    expect(await db('device_shares').whereNull('ended_at')).not.toEqual([]);
  });

  it('blanks an order and keeps what was sold', async () => {
    const person = await seedPerson(db, randomUUID(), clock.now());
    clock.advance(1_100 * dayMs);
    await run();
    const order = await db('orders').where({ id: person.orderId }).first();
    expect(order).toMatchObject({ email: null, shipping: null, total_minor: 19_900 });
    expect(await db('order_items').where({ order_id: person.orderId })).toHaveLength(1);
  });

  it('works in batches, and says how much that was', async () => {
    await run();
    await db.raw(
      `INSERT INTO device_telemetry (device_id, event_id, metric, value, unit, at, received_at)
       SELECT ?, 'e' || n, 'm', n, 'u', ?, ? FROM generate_series(1, 2500) AS n`,
      [deviceId, daysAgo(100), daysAgo(100)],
    );
    const statements: number[] = [];
    db.on('query-response', (response: { command?: string; rowCount?: number }) => {
      if (response.command === 'DELETE' && response.rowCount) statements.push(response.rowCount);
    });
    expect(await run()).toMatchObject({ telemetry: 2_500 });
    db.removeAllListeners('query-response');
    expect(statements).toEqual([1_000, 1_000, 500]);
  });

  it('ends early when it is told to', async () => {
    await seeds.magic_links?.(daysAgo(10));
    expect(await run(AbortSignal.abort())).toEqual({});
    expect(await run()).toMatchObject({ magic_links: 1 });
  });
});
