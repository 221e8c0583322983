import { once } from 'node:events';
import type { Command, CommandAck } from '@aovis/contracts/commands';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { createDeviceApp, type DeviceApp, iotEventSecret } from '../../testing/device-app.ts';
import { seedBoard, seedOwnership, seedShare, seedUser } from '../devices/testing/seed.ts';
import { signatureOf } from '../ingestion/signature.ts';
import { ackEnvelope, FakeBoard } from './testing/fake-board.ts';

/** Two instances on one database: requests come to the first, boards are heard by the second. */
describe('commands', () => {
  let database: TestDatabase;
  let asked: DeviceApp;
  let told: DeviceApp;
  let owner: string;
  let thing: string;
  const board = new FakeBoard();

  beforeAll(async () => {
    database = await createTestDatabase();
    const start = async (): Promise<DeviceApp> => {
      const app = createDeviceApp(database.knex, database.url, {}, { boardPublisher: board });
      await app.backend.start();
      app.server.listen(0, '127.0.0.1');
      await once(app.server, 'listening');
      return app;
    };
    asked = await start();
    told = await start();
  });
  afterAll(async () => {
    for (const { server, backend } of [asked, told]) {
      server.close();
      server.closeAllConnections();
      await backend.stop();
    }
    await database.drop();
  });
  beforeEach(async () => {
    const db = database.knex;
    board.received.length = 0;
    board.onCommand = () => {};
    owner = await seedUser(db);
    thing = await seedBoard(db);
    await seedOwnership(db, { userId: owner, deviceId: thing });
    await setOnline(true);
  });

  async function setOnline(online: boolean): Promise<void> {
    await database
      .knex('device_presence')
      .insert({ device_id: thing, online, version: 1, session_id: 's', changed_at: new Date() })
      .onConflict('device_id')
      .merge();
  }
  const post = (body: object, headers: Record<string, string> = {}, device = thing) =>
    request(asked.server)
      .post(`/api/devices/${device}/command`)
      .set({ Authorization: `Bearer ${owner}`, ...headers })
      .send(body);
  const get = (path: string, user = owner) =>
    request(told.server).get(`/api/devices/${thing}/${path}`).set('Authorization', `Bearer ${user}`);
  /** As the IoT rule forwards it. */
  async function answer(ack: CommandAck, from = thing): Promise<request.Response> {
    const body = JSON.stringify(ackEnvelope(from, ack, told.clock.now()));
    const timestamp = String(told.clock.now().getTime() / 1_000);
    const signature = signatureOf(timestamp, Buffer.from(body), iotEventSecret);
    return request(told.server)
      .post('/api/internal/aws/iot-event')
      .set({ 'X-Aovis-Timestamp': timestamp, 'X-Aovis-Signature': signature })
      .type('json')
      .send(body);
  }
  const answering =
    (...acks: Omit<CommandAck, 'id'>[]) =>
    async ({ id }: Command): Promise<void> => {
      for (const ack of acks) await answer({ id, ...ack });
    };
  const identify = { type: 'identify', params: { duration_s: 5 } };

  it('waits at one instance for what the board tells another', async () => {
    board.onCommand = answering(
      { status: 'accepted' },
      { status: 'running' },
      { status: 'succeeded', result: { shown_by: 'log' } },
    );
    const startedAt = performance.now();
    const { body } = await post(identify, { 'X-Request-Id': 'r-17' }).expect(200);
    // Far from the 10 s of the time-out: it was woken.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(body).toMatchObject({
      ...identify,
      status: 'succeeded',
      result: { shown_by: 'log' },
      failure: null,
    });
    expect(board.received).toEqual([
      {
        topic: `aovis/${thing}/command`,
        payload: {
          id: body.id,
          ...identify,
          issued_at: Date.parse(body.created_at),
          expires_at: Date.parse(body.expires_at),
          correlation_id: 'r-17',
        },
      },
    ]);
    expect((await get(`commands/${body.id}`).expect(200)).body).toEqual(body);
    const audit = await database
      .knex('audit_log')
      .where({ subject_id: thing })
      .orderBy('seq')
      .select('action');
    expect(audit.map(({ action }: { action: string }) => action)).toEqual([
      'command.send',
      ...Array.from({ length: 3 }, () => 'command.acknowledge'),
    ]);
  });

  it.each(['failed', 'rejected'] as const)('tells that the board %s it, with its reason', async (status) => {
    board.onCommand = answering({ status, error: { code: 'not_possible', message: 'No.' } });
    const { body } = await post({ type: 'request_keyframe', params: {} }).expect(200);
    expect(body).toMatchObject({ status, failure: { code: 'not_possible', message: 'No.' } });
  });

  it('does not wait when told not to', async () => {
    const { body } = await post({ ...identify, timeout_s: 0 }).expect(202);
    expect(body).toMatchObject({ status: 'pending' });
  });

  it('answers 202 when the board has taken it and goes on', async () => {
    board.onCommand = answering({ status: 'accepted' });
    const { body } = await post({ type: 'reboot', params: {}, timeout_s: 1 }).expect(202);
    expect(body).toMatchObject({ type: 'reboot', status: 'accepted' });
  });

  it('answers 504 when the board says nothing, and finds the command again by the same key', async () => {
    const key = { 'Idempotency-Key': '"once"' };
    const { body } = await post({ ...identify, timeout_s: 1 }, key).expect(504);
    expect(body.error).toMatchObject({ code: 'device_timeout', details: { status: 'pending' } });
    const id = body.error.details.command_id;
    await setOnline(false);
    await answer({ id, status: 'succeeded' });
    const again = await post({ ...identify, timeout_s: 1 }, { 'Idempotency-Key': 'once' }).expect(200);
    expect(again.body).toMatchObject({ id, status: 'succeeded' });
    expect(board.received).toHaveLength(1);
    const other = await post({ type: 'reboot', params: {} }, key).expect(422);
    expect(other.body.error.code).toBe('idempotency_key_reused');
  });

  it('refuses a board that is offline, and audits it', async () => {
    await setOnline(false);
    expect((await post(identify).expect(409)).body.error.code).toBe('device_offline');
    expect(await database.knex('audit_log').where({ subject_id: thing })).toEqual([
      expect.objectContaining({ action: 'command.send', outcome: 'refused', actor_id: owner }),
    ]);
    expect(await database.knex('device_commands').where({ device_id: thing })).toEqual([]);
  });

  it.each([
    [{ type: 'self_destruct', params: {} }, 'body.type', /reboot, identify, request_keyframe, ptz/],
    [{ type: 'toString', params: {} }, 'body.type', /There is no such command/],
    [{ type: 'identify', params: { duration_s: 61 } }, 'body.params.duration_s', /./],
    [{ type: 'reboot', params: { now: true } }, 'body.params.now', /Unknown field/],
    [{ type: 'ptz', params: { pan: 0, tilt: 0 } }, 'body.params.zoom', /./],
    [{ type: 'reboot' }, 'body.params', /./],
    [{ type: 'reboot', params: {}, timeout_s: 31 }, 'body.timeout_s', /./],
  ])('refuses %j and names what is wrong', async (body, path, message) => {
    const { error } = (await post(body).expect(400)).body;
    expect(error.code).toBe('invalid_request');
    expect(error.details).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  it('gives nothing to a stranger, as if there were nothing', async () => {
    const { body: command } = await post({ ...identify, timeout_s: 0 }).expect(202);
    const stranger = await seedUser(database.knex);
    for (const path of [`commands/${command.id}`, 'commands'])
      expect((await get(path, stranger).expect(404)).body.error.code).toBe('device_not_found');
    const unknown = await get('commands/01KAGX2Q0R8M3T5V7W9X1Y2Z3C').expect(404);
    expect(unknown.body.error.code).toBe('command_not_found');
    owner = stranger;
    expect((await post(identify).expect(404)).body.error.code).toBe('device_not_found');
  });

  it('takes no command of a viewer', async () => {
    const viewer = await seedUser(database.knex);
    const until = new Date(asked.clock.now().getTime() + 60_000);
    await seedShare(database.knex, { viewerId: viewer, deviceId: thing, until });
    expect((await get('commands', viewer).expect(403)).body.error.code).toBe('forbidden');
    owner = viewer;
    expect((await post(identify).expect(403)).body.error.code).toBe('forbidden');
    expect(board.received).toEqual([]);
  });

  it('hides the commands of an earlier owner from the next', async () => {
    const { body: command } = await post({ ...identify, timeout_s: 0 }).expect(202);
    const next = await seedUser(database.knex);
    await database
      .knex('device_ownerships')
      .where({ device_id: thing })
      .update({ ended_at: new Date('2026-03-01T07:00:00Z'), end_reason: 'released' });
    await seedOwnership(database.knex, { userId: next, deviceId: thing, epoch: 3 });
    expect((await get(`commands/${command.id}`, next).expect(404)).body.error.code).toBe('command_not_found');
    expect((await get('commands', next).expect(200)).body).toEqual({ commands: [], next_cursor: null });
  });

  it('lists commands by time, newest first, in pages', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) {
      // Two share each millisecond.
      if (n % 2 === 0) asked.clock.advance(1);
      ids.push((await post({ ...identify, timeout_s: 0 }).expect(202)).body.id);
    }
    const listed: string[] = [];
    let cursor = '';
    do {
      const { body } = await get(`commands?limit=2${cursor}`).expect(200);
      listed.push(...body.commands.map(({ id }: Command) => id));
      cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
    } while (cursor !== '');
    expect(listed).toEqual(ids.toSorted().toReversed());
    await get('commands?cursor=nonsense').expect(400);
  });

  it('takes an answer of its own board only, and audits another’s', async () => {
    const { body: command } = await post({ ...identify, timeout_s: 0 }).expect(202);
    const other = await seedBoard(database.knex);
    const refused = await answer({ id: command.id, status: 'succeeded' }, other);
    expect([refused.status, refused.body.error.code]).toEqual([404, 'command_not_found']);
    const unknown = await answer({ id: '01KAGX2Q0R8M3T5V7W9X1Y2Z3C', status: 'succeeded' }, other);
    expect({ ...unknown.body.error, request_id: '' }).toEqual({ ...refused.body.error, request_id: '' });
    expect((await get(`commands/${command.id}`)).body.status).toBe('pending');
    expect(await database.knex('audit_log').where({ subject_id: other })).toEqual(
      Array.from({ length: 2 }, () => expect.objectContaining({ outcome: 'refused', actor_id: other })),
    );
  });
});
