import { formatActivationCode } from '@aovis/contracts/activation-code';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import type { Database } from '../../db/database.ts';
import { FakeMailer } from '../../testing/backend-under-test.ts';
import { createDeviceApp, type DeviceApp } from '../../testing/device-app.ts';
import { labelCode, seedBoard, seedUser } from '../devices/testing/seed.ts';
import { tokenIn } from './testing/stand.ts';

describe('the sharing routes', () => {
  let database: TestDatabase;
  let db: Database;
  let app: DeviceApp;
  let mailer: FakeMailer;
  let owner: string;
  let guest: string;
  let deviceId: string;
  let path: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    mailer = new FakeMailer();
    app = createDeviceApp(db, database.url, {}, { mailer });
    await db('rate_limits').delete();
    await db('outbox').delete();
    [owner, guest] = [await seedUser(db), await seedUser(db)];
    deviceId = await seedBoard(db);
    path = `/api/devices/${deviceId}`;
    app.backend.outbox.start();
    await activate(owner).expect(200);
  });
  afterEach(() => app.backend.outbox.stop());

  type Method = 'get' | 'post' | 'patch' | 'delete';
  const ask = (method: Method, address: string, user: string) =>
    request(app.server)
      [method](address)
      .set({ Authorization: `Bearer ${user}`, 'X-Request-Id': 'test' });
  const activate = (user: string) =>
    ask('post', '/api/devices/activate', user).send({
      aovis_device_id: deviceId,
      activation_code: formatActivationCode(labelCode),
    });
  const verify = (user: string, email: string) =>
    db('users').where({ id: user }).update({ email, email_verified_at: new Date() });
  const acceptShare = (user: string, token: string) =>
    ask('post', '/api/shares/accept', user).send({ token });
  const acceptTransfer = (user: string, token: string) =>
    ask('post', '/api/transfers/accept', user).send({ token });

  it('let a guest see, and do no more', async () => {
    await verify(guest, 'guest@example.com');
    const body = { email: 'Guest@example.com', expires_in_days: 2 };
    const created = await ask('post', `${path}/shares`, owner).send(body).expect(201);
    expect(created.body).toMatchObject({ status: 'invited', url: null });
    const mail = await mailer.next();
    expect(mail.to).toBe('guest@example.com');
    const accepted = await acceptShare(guest, tokenIn(mail.text)).expect(200);
    expect(accepted.body.device).toMatchObject({
      role: 'viewer',
      access_ends_at: '2026-03-03T08:00:00.000Z',
    });

    const list = await ask('get', '/api/devices', guest).expect(200);
    expect(list.body.devices).toEqual([accepted.body.device]);
    const detail = await ask('get', path, guest).expect(200);
    expect(detail.body).toMatchObject({ capabilities: ['cloud_playback'], entitlements: [], iccid: null });
    await ask('get', `${path}/stream`, guest).expect(200);
    const forbidden: [Method, string, object?][] = [
      ['patch', '', { name: 'Mine' }],
      ['delete', ''],
      ['get', '/entitlements'],
      ['get', '/shadow'],
      ['post', '/shares', {}],
      ['get', '/shares'],
      ['post', '/transfer', { email: 'guest@example.com' }],
      ['delete', '/transfer'],
    ];
    for (const [method, rest, content] of forbidden) {
      const answer = await ask(method, path + rest, guest).send(content);
      expect([method, rest, answer.status, answer.body.error.code]).toEqual([method, rest, 403, 'forbidden']);
    }
    await ask('delete', `${path}/shares/mine`, guest).expect(200);
    await ask('get', path, guest).expect(404);
  });

  it('invite once, however often the same request comes, and keep no link in the database', async () => {
    const invite = () =>
      ask('post', `${path}/shares`, owner).set('Idempotency-Key', '"invite-1"').send({}).expect(201);
    const { body } = await invite();
    expect((await invite()).body).toEqual(body);
    expect((await ask('get', `${path}/shares`, owner).expect(200)).body.shares).toHaveLength(1);
    const [token] = /(?<=#token=).+/.exec(body.url) as unknown as [string];
    expect(JSON.stringify(await db('idempotency_keys'))).not.toContain(token);

    const offer = () =>
      ask('post', `${path}/transfer`, owner)
        .set('Idempotency-Key', '"offer-1"')
        .send({ email: 'heir@example.com' });
    const { body: offered } = await offer().expect(201);
    expect((await offer().expect(201)).body).toEqual(offered);
    await ask('post', `${path}/transfer`, owner).send({ email: 'heir@example.com' }).expect(409);
  });

  it('end a share at the owner’s word', async () => {
    const { body } = await ask('post', `${path}/shares`, owner).send({}).expect(201);
    await acceptShare(guest, tokenIn(body.url)).expect(200);
    const shares = await ask('get', `${path}/shares`, owner).expect(200);
    expect(shares.body.shares).toMatchObject([
      { share_id: body.share_id, status: 'active', viewer: 'Somebody' },
    ]);
    await ask('delete', `${path}/shares/${body.share_id}`, owner).expect(200);
    await ask('get', `${path}/stream`, guest).expect(404);
    for (const id of [body.share_id, 'no-uuid', "'"]) {
      const answer = await ask('delete', `${path}/shares/${encodeURIComponent(id)}`, owner).expect(404);
      expect(answer.body.error.code).toBe('share_not_found');
    }
  });

  it('hand a device over with the rest of its trial, once and for all', async () => {
    await verify(guest, 'next@example.com');
    const invited = await ask('post', `${path}/shares`, owner).send({}).expect(201);
    await ask('post', `${path}/transfer`, owner).send({ email: 'next@example.com' }).expect(201);
    const twice = await ask('post', `${path}/transfer`, owner).send({ email: 'x@example.com' }).expect(409);
    expect(twice.body.error.code).toBe('transfer_already_offered');
    const incoming = await ask('get', '/api/transfers', guest).expect(200);
    expect(incoming.body.transfers).toMatchObject([{ device_id: deviceId, direction: 'incoming' }]);

    const token = tokenIn((await mailer.next()).text);
    app.clock.advance(86_400_000);
    const taken = await acceptTransfer(guest, token).expect(200);
    expect(taken.body).toMatchObject({
      device: { device_id: deviceId, role: 'owner', activated_at: '2026-03-02T08:00:00.000Z' },
      ownership: { epoch: 3 },
    });
    expect((await acceptTransfer(guest, token).expect(200)).body).toEqual(taken.body);

    await ask('get', path, owner).expect(404);
    await ask('get', `${path}/stream`, guest).expect(200);
    const rights = await ask('get', `${path}/entitlements`, guest).expect(200);
    expect(rights.body.entitlements).toMatchObject([
      { source: 'trial', state: 'active', ends_at: '2026-03-31T08:00:00.000Z' },
    ]);
    // What was recorded before is the former owner's.
    const before = 'mode=on_demand&start=2026-03-01T09:00:00Z&end=2026-03-01T10:00:00Z';
    await ask('get', `${path}/stream?${before}`, guest).expect(409);
    await acceptShare(await seedUser(db), tokenIn(invited.body.url)).expect(404);
    expect((await activate(owner).expect(403)).body.error.code).toBe('device_owned_by_another_user');
  });

  it('give no second trial, however often a device changes hands', async () => {
    await verify(guest, 'trial@example.com');
    await ask('post', `${path}/transfer`, owner).send({ email: 'trial@example.com' }).expect(201);
    await acceptTransfer(guest, tokenIn((await mailer.next()).text)).expect(200);
    await ask('delete', path, guest).expect(200);
    expect((await activate(owner).expect(200)).body).toMatchObject({ entitlement: null });
    await ask('delete', path, owner).expect(200);
    expect((await activate(guest).expect(200)).body).toMatchObject({
      entitlement: { source: 'trial', ends_at: '2026-03-31T08:00:00.000Z' },
    });
    expect(await db('entitlements').where({ device_id: deviceId, source: 'trial' })).toHaveLength(1);
  });

  it.each<[string, string, object, number, string]>([
    ['no address', '/shares', { email: 'nobody' }, 400, 'invalid_email'],
    ['an address of other letters', '/shares', { email: 'a@exämple.com' }, 400, 'invalid_email'],
    ['no days', '/shares', { expires_in_days: 0 }, 400, 'invalid_request'],
    ['a role', '/shares', { role: 'owner' }, 400, 'invalid_request'],
    ['no address', '/transfer', {}, 400, 'invalid_request'],
    ['what is none', '/transfer', { email: '@' }, 400, 'invalid_email'],
    ['an owner to be', '/transfer', { email: 'a@example.com', user_id: 'x' }, 400, 'invalid_request'],
  ])('refuse %s at %s', async (_, rest, body, status, code) => {
    const answer = await ask('post', path + rest, owner)
      .send(body)
      .expect(status);
    expect(answer.body.error.code).toBe(code);
  });

  it('answer all bad tokens in the same bytes', async () => {
    const used = await ask('post', `${path}/shares`, owner).send({}).expect(201);
    await acceptShare(await seedUser(db), tokenIn(used.body.url)).expect(200);
    const late = await ask('post', `${path}/shares`, owner).send({ expires_in_days: 1 }).expect(201);
    app.clock.advance(86_400_000);
    const tokens = [tokenIn(used.body.url), tokenIn(late.body.url), 'A'.repeat(43), '\0', '🙂'];
    for (const accept of [acceptShare, acceptTransfer]) {
      const answers = await Promise.all(tokens.map((token) => accept(guest, token).expect(404)));
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    }
  });

  it('mail five an hour to one address', async () => {
    for (let i = 0; i < 5; i++)
      await ask('post', `${path}/shares`, owner).send({ email: 'often@example.com' }).expect(201);
    const answer = await ask('post', `${path}/shares`, owner)
      .send({ email: 'often@example.com' })
      .expect(429);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });

  it.each(['/accept/share', '/accept/transfer', '/accept/accept.js'])('serve %s', async (page) => {
    await request(app.server).get(page).expect(200);
  });
});
