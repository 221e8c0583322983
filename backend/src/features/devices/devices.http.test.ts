import { formatActivationCode } from '@aovis/contracts/activation-code';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import type { Database } from '../../db/database.ts';
import { createDeviceApp, type DeviceApp } from '../../testing/device-app.ts';
import { labelCode, otherCode, seedBoard, seedUser } from './testing/seed.ts';

describe('the device routes', () => {
  let database: TestDatabase;
  let db: Database;
  let app: DeviceApp;
  let owner: string;
  let stranger: string;
  let deviceId: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    app = createDeviceApp(db, database.url);
    [owner, stranger] = [await seedUser(db), await seedUser(db)];
    deviceId = await seedBoard(db);
    await db('rate_limits').delete();
  });
  type Method = 'get' | 'post' | 'patch' | 'delete';
  const ask = (method: Method, path: string, user?: string) => {
    const test = request(app.server)[method](path).set('X-Request-Id', 'test');
    return user === undefined ? test : test.set('Authorization', `Bearer ${user}`);
  };
  const activate = (user: string, body: object = {}) =>
    ask('post', '/api/devices/activate', user).send({
      aovis_device_id: deviceId,
      activation_code: formatActivationCode(labelCode),
      ...body,
    });

  it('note who is turned away, alike from devices of others and from none', async () => {
    await activate(owner).expect(200);
    const attempts = [deviceId, 'aovis-n4k-999999', 'no-device'];
    for (const id of attempts) await ask('get', `/api/devices/${id}`, stranger).expect(404);
    await ask('get', `/api/devices/${deviceId}`).expect(401);
    await ask('get', `/api/devices/${deviceId}`, owner).expect(200);
    const rows = await db('audit_log')
      .where({ action: 'device.enter' })
      .whereIn('actor_id', [owner, stranger]);
    expect(rows).toMatchObject(
      [deviceId, 'aovis-n4k-999999', null].map((subject_id) => ({
        actor_id: stranger,
        subject_kind: 'device',
        subject_id,
        outcome: 'refused',
        details: { code: 'device_not_found', operation: 'getDevice' },
        request_id: 'test',
      })),
    );
  });

  it('lead an owner from the label to the picture and out again', async () => {
    const activation = await activate(owner).expect(200);
    expect(activation.body).toMatchObject({ already_owned: false, entitlement: { active: true } });
    expect((await activate(owner).expect(200)).body).toMatchObject({ already_owned: true });

    const list = await ask('get', '/api/devices', owner).expect(200);
    expect(list.body).toEqual({ devices: [activation.body.device], next_cursor: null });

    await ask('patch', `/api/devices/${deviceId}`, owner).send({ name: ' Front door ' }).expect(200);
    const detail = await ask('get', `/api/devices/${deviceId}`, owner).expect(200);
    expect(detail.body).toMatchObject({
      name: 'Front door',
      shadow: null,
      entitlements: [{ source: 'trial' }],
    });

    const stream = await ask('get', `/api/devices/${deviceId}/stream?mode=live`, owner).expect(200);
    expect(stream.body).toMatchObject({ protocol: 'hls', expires_at: '2026-03-01T08:15:00.000Z' });

    await ask('delete', `/api/devices/${deviceId}`, owner).expect(200);
    await ask('get', `/api/devices/${deviceId}/stream`, owner).expect(404);
    expect((await activate(stranger).expect(200)).body).toMatchObject({
      entitlement: null,
      already_owned: false,
    });
    const refused = await ask('get', `/api/devices/${deviceId}/stream`, stranger).expect(403);
    expect(refused.body.error).toMatchObject({
      code: 'entitlement_required',
      details: { capability: 'cloud_playback' },
    });
  });

  it.each([
    ['no code', { activation_code: undefined }, 400, 'activation_code_required'],
    ['a null code', { activation_code: null }, 400, 'activation_code_required'],
    ['an empty code', { activation_code: '' }, 400, 'activation_code_required'],
    ['a wrong code', { activation_code: otherCode }, 403, 'invalid_activation_code'],
    ['an unknown device', { aovis_device_id: 'aovis-n4k-999999' }, 403, 'invalid_activation_code'],
    ['another SIM card', { iccid: '8944500102198304834' }, 403, 'iccid_mismatch'],
    ['an unknown field', { owner_id: 'x' }, 400, 'invalid_request'],
    ['a code of another type', { activation_code: 7 }, 400, 'invalid_request'],
  ])('refuse an activation with %s', async (_, body, status, code) => {
    const answer = await activate(owner, body).expect(status);
    expect(answer.body.error.code).toBe(code);
  });

  it('answer a wrong code and an unknown device in the same bytes', async () => {
    const wrong = await activate(owner, { activation_code: otherCode });
    const unknown = await activate(owner, { aovis_device_id: 'aovis-n4k-999999' });
    expect(unknown.text).toBe(wrong.text);
  });

  it('say when an activation may be tried again', async () => {
    for (let i = 0; i < 6; i++) await activate(owner, { activation_code: otherCode }).expect(403);
    const answer = await activate(owner).expect(429);
    expect(answer.headers['retry-after']).toBe('10');
  });

  describe('of somebody else’s device', () => {
    const routes: [Method, string, object | undefined][] = [
      ['get', '', undefined],
      ['patch', '', { name: 'Mine' }],
      ['delete', '', undefined],
      ['get', '/stream', undefined],
      ['get', '/stream?mode=replay', undefined],
      ['get', '/shadow', undefined],
      ['patch', '/shadow', { desired: {} }],
    ];
    it.each(routes)('%s %s answers as of an unknown one', async (method, path, body) => {
      await activate(owner).expect(200);
      const answers = await Promise.all(
        [deviceId, 'aovis-n4k-999999', '..%00'].map((id) =>
          ask(method, `/api/devices/${id}${path}`, stranger).set('If-Match', '1').send(body),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      await ask(method, `/api/devices/${deviceId}${path}`).send(body).expect(401);
    });
  });

  describe('of the shadow', () => {
    const patch = (body: object, version?: string) => {
      const test = ask('patch', `/api/devices/${deviceId}/shadow`, owner);
      return (version === undefined ? test : test.set('If-Match', version)).send(body);
    };
    const desired = { stream: { enabled: false } };
    beforeEach(() => activate(owner).expect(200));

    it('take a change at the version that was read', async () => {
      const first = await patch({ desired }, '0').expect(200);
      expect(first.body).toEqual({ reported: {}, desired, delta: desired, version: 1 });
      expect(first.headers.etag).toBe('"1"');
      await patch({ desired: { log_level: 'debug' } }, '"1"').expect(200);
      expect((await patch({ desired }, '1').expect(409)).body.error.code).toBe('shadow_version_conflict');
      const read = await ask('get', `/api/devices/${deviceId}/shadow`, owner).expect(200);
      expect(read.body).toMatchObject({ desired: { ...desired, log_level: 'debug' }, version: 2 });
    });

    it.each([
      ['no version', { desired }, undefined],
      ['no number as version', { desired }, '*'],
      ['an unknown key', { desired: { password: 'x' } }, '0'],
      ['a nested unknown key', { desired: { stream: { url: 'x' } } }, '0'],
      ['a value out of range', { desired: { camera: { fps: 1000 } } }, '0'],
      ['the reported part', { desired, reported: {} }, '0'],
    ])('refuse a change with %s', async (_, body, version) => {
      expect((await patch(body, version).expect(400)).body.error.code).toBe('invalid_request');
    });
  });

  it.each([
    ['mode=replay', 'invalid_range'],
    ['mode=on_demand&start=2026-03-01T09:00:00Z&end=2026-03-01T08:30:00Z', 'invalid_range'],
    ['mode=vhs', 'invalid_request'],
    ['start=yesterday', 'invalid_request'],
    ['start=2026-03-01T07:00:00Z&start=2026-03-01T08:00:00Z', 'invalid_request'],
  ])('refuse a stream with %s', async (query, code) => {
    await activate(owner).expect(200);
    const answer = await ask('get', `/api/devices/${deviceId}/stream?${query}`, owner).expect(400);
    expect(answer.body.error.code).toBe(code);
  });
});
