import { randomBytes } from 'node:crypto';
import type { CommandAck } from '@aovis/contracts/commands';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../db/database.ts';
import { AppError } from '../../kernel/errors.ts';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { createLogger } from '../../kernel/logger.ts';
import { claimNext, fail, finish } from '../../outbox/outbox-queue.ts';
import { seedBoard, seedOwnership, seedUser } from '../devices/testing/seed.ts';
import { IngestionService } from '../ingestion/ingestion-service.ts';
import { noProofs } from '../ingestion/testing/no-proofs.ts';
import { type Command, commandValidMs } from './command.ts';
import { expireCommandsJob } from './command-expiry.ts';
import { commandOutboxHandlers } from './command-outbox.ts';
import { CommandService } from './command-service.ts';
import { CommandWaits } from './command-waits.ts';
import { ackEnvelope, FakeBoard } from './testing/fake-board.ts';

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}

describe('commands, step by step', () => {
  let database: TestDatabase;
  let db: Database;
  let clock: FakeClock;
  let board: FakeBoard;
  let waits: CommandWaits;
  let commands: CommandService;
  let ingestion: IngestionService;
  let userId: string;
  let deviceId: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    clock = new FakeClock('2026-03-01T08:00:00Z');
    board = new FakeBoard();
    waits = new CommandWaits({ databaseUrl: database.url, log: createLogger({ level: 'silent' }) });
    waits.start();
    const access = { assertDeviceServiceAccess: async () => ({ deviceId, epoch: 1, online: true }) };
    commands = new CommandService({ db, clock, access, waits, randomBytes });
    ingestion = new IngestionService({ db, clock, signingKeys: ['k'], proofs: noProofs });
    userId = await seedUser(db);
    deviceId = await seedBoard(db);
    await seedOwnership(db, { userId, deviceId });
    await db('outbox').delete();
    await db('device_commands').delete();
  });
  afterEach(() => waits.stop());

  const send = (timeout_s = 0, idempotencyKey?: string): Promise<Command> =>
    commands.send({
      userId,
      deviceId,
      requestId: 'r-1',
      idempotencyKey,
      request: { type: 'identify', params: { duration_s: 5 }, timeout_s },
    });
  const get = ({ id }: { id: string }): Promise<Command> => commands.get(userId, deviceId, id);
  const say = (ack: CommandAck): Promise<unknown> =>
    ingestion.take(ackEnvelope(deviceId, ack, clock.now()), 'r-2');
  const auditOf = (action: string) => db('audit_log').where({ subject_id: deviceId, action }).orderBy('seq');

  /** One turn of an outbox worker; `crash` ends it after the work is done and before that is noted. */
  async function work({ crash = false } = {}): Promise<void> {
    const handlers = commandOutboxHandlers({ db, clock, publisher: board });
    const message = await claimNext(db, { topics: Object.keys(handlers), leaseMs: crash ? 0 : 60_000 });
    if (message === undefined) throw new Error('the outbox is empty');
    const context = { attempt: message.attempts, requestId: message.requestId };
    try {
      await handlers[message.topic]?.(message.payload, { ...context, signal: new AbortController().signal });
      if (!crash) await finish(db, message);
    } catch (error) {
      await fail(db, message, { error, retryInMs: 0 });
    }
  }

  it('stores the command, the intent to publish it and who sent it, or nothing', async () => {
    const command = await send();
    expect(await db('outbox').select('key', 'payload', 'request_id')).toEqual([
      { key: `command ${deviceId}`, payload: { command_id: command.id }, request_id: 'r-1' },
    ]);
    expect(await auditOf('command.send')).toEqual([
      expect.objectContaining({
        actor_id: userId,
        outcome: 'ok',
        details: { type: 'identify', command_id: command.id },
        request_id: 'r-1',
      }),
    ]);
  });

  it('publishes again after a crash in between, under the same id', async () => {
    const { id } = await send();
    await work({ crash: true });
    await work();
    expect(board.received.map(({ payload }) => payload)).toMatchObject([{ id }, { id }]);
    expect(await db('outbox')).toEqual([]);
  });

  it('publishes when the broker is back, and not what has been answered meanwhile', async () => {
    const [first, second] = [await send(), await send()];
    board.fault = new AppError('service_unavailable');
    await work();
    board.fault = undefined;
    await work();
    await say({ id: second.id, status: 'accepted' });
    await work();
    expect(board.received).toHaveLength(1);
    expect(board.received[0]?.payload).toMatchObject({ id: first.id });
  });

  it('ends what could not be published in time, and tells who waits', async () => {
    const refusal = send(30).catch((error: unknown) => error);
    await until(async () => (await db('outbox')).length > 0);
    clock.advance(commandValidMs);
    await work();
    expect(await refusal).toMatchObject({ code: 'device_timeout', details: { status: 'expired' } });
    expect(board.received).toEqual([]);
    expect(await auditOf('command.expire')).toEqual([
      expect.objectContaining({
        outcome: 'failed',
        details: expect.objectContaining({ reason: 'not_delivered' }),
      }),
    ]);
  });

  it('does not hand a former owner’s command to the board', async () => {
    const { id } = await send();
    await db('device_ownerships').update({ ended_at: clock.now(), end_reason: 'released' });
    await work();
    expect(board.received).toEqual([]);
    expect(await db('device_commands').where({ id }).first('status', 'error')).toMatchObject({
      status: 'expired',
      error: { code: 'ownership_ended' },
    });
  });

  it('goes forward only, in whatever order and however often the answers come', async () => {
    const { id } = await send();
    const result = { shown_by: 'log' };
    for (const ack of [
      { id, status: 'running' },
      { id, status: 'succeeded', result },
      { id, status: 'accepted' },
      { id, status: 'running' },
      { id, status: 'succeeded' },
    ] as const)
      await say(ack);
    expect(await get({ id })).toMatchObject({ status: 'succeeded', result });
    const steps = await auditOf('command.acknowledge');
    expect(steps.map(({ details }) => details.status)).toEqual(['running', 'succeeded']);
  });

  it('keeps the first end, and audits another', async () => {
    const { id } = await send();
    const answers = await Promise.allSettled([
      say({ id, status: 'succeeded' }),
      say({ id, status: 'failed', error: { code: 'x', message: 'y' } }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    const { status } = await get({ id });
    const steps = await auditOf('command.acknowledge');
    expect(steps.map(({ outcome }) => outcome)).toEqual(['ok', 'refused']);
    expect(steps[0].details.status).toBe(status);
  });

  it('is kept from going back by the database', async () => {
    const { id } = await send();
    await say({ id, status: 'succeeded' });
    await expect(db('device_commands').where({ id }).update({ status: 'running' })).rejects.toMatchObject({
      constraint: 'device_commands_forward',
    });
  });

  it('is sent once by many requests with one key', async () => {
    const sent = await Promise.all(Array.from({ length: 8 }, () => send(0, 'k')));
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
    expect(await db('outbox')).toHaveLength(1);
    const other = commands.send({
      userId,
      deviceId,
      requestId: 'r',
      idempotencyKey: 'k',
      request: { type: 'identify', params: { duration_s: 6 }, timeout_s: 0 },
    });
    await expect(other).rejects.toMatchObject({ code: 'idempotency_key_reused' });
  });

  it('hears of an answer that came while its connection to the database was broken', async () => {
    const { id } = await send();
    const states: string[] = [];
    const waiting = waits.until(id, {
      look: async () => {
        const { status } = await get({ id });
        states.push(status);
        return status;
      },
      done: (status) => status === 'succeeded',
      timeoutMs: 20_000,
    });
    const listening = () =>
      db('pg_stat_activity').where({ application_name: 'aovis-device_commands', state: 'idle' });
    await until(async () => (await listening()).length > 0);
    await db.raw(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'aovis-device_commands' AND datname = current_database()`);
    await say({ id, status: 'succeeded' });
    expect(await waiting).toBe('succeeded');
    expect(states[0]).toBe('pending');
  });

  it('lets nobody wait when the program ends', async () => {
    const refusal = send(30).catch((error: unknown) => error);
    await until(async () => (await db('outbox')).length > 0);
    await waits.stop();
    expect(await refusal).toMatchObject({ code: 'device_timeout' });
  });

  it('gives what was never answered an end, each in its way', async () => {
    const [silent, taken, done, young] = [await send(), await send(), await send(), await send()];
    await say({ id: taken.id, status: 'running' });
    await say({ id: done.id, status: 'succeeded' });
    await db('device_commands')
      .where({ id: young.id })
      .update({ expires_at: new Date(clock.now().getTime() + 3_600_000) });
    clock.advance(3 * 3_600_000 - 1_000);
    const job = expireCommandsJob({ db, clock });
    const { signal } = new AbortController();
    expect(await job.run(signal)).toEqual({ expired: 2 });
    expect(await job.run(signal)).toEqual({ expired: 0 });
    const statuses = await Promise.all([silent, taken, done, young].map(get));
    expect(statuses.map(({ status }) => status)).toEqual(['expired', 'failed', 'succeeded', 'pending']);
    expect(statuses[1]?.error?.code).toBe('no_answer');
  });
});
