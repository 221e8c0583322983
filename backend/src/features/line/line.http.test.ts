import type { LineCredentials } from '@aovis/contracts/http/line';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { createDeviceApp, type DeviceApp } from '../../testing/device-app.ts';
import { seedBoard, seedOwnership, seedUser } from '../devices/testing/seed.ts';
import { FakeLineRegistry } from './testing/fake-line-registry.ts';
import { makeKey, runLineOutbox } from './testing/line-fixture.ts';

const csr =
  '-----BEGIN CERTIFICATE REQUEST-----\nMIHcMIGDAgEAMAAwWTATBgcqhkjOPQIBBggqhkjO\n-----END CERTIFICATE REQUEST-----\n';

describe('the line API', () => {
  let database: TestDatabase;
  let app: DeviceApp;
  let registry: FakeLineRegistry;
  let key: string;
  let boards = 500_000;

  beforeAll(async () => {
    database = await createTestDatabase();
    registry = new FakeLineRegistry();
    app = createDeviceApp(database.knex, database.url, {}, { lineRegistry: registry });
    key = await makeKey({ db: database.knex, clock: app.clock }, 'line-3');
  });
  afterAll(() => database.drop());

  const db = () => database.knex;
  const post = (path: string, body: object, as = key) =>
    request(app.server).post(`/api/v1/devices/${path}`).set('Authorization', `Bearer ${as}`).send(body);
  const take = (deviceId: string, as = key) =>
    request(app.server).get(`/api/v1/devices/${deviceId}/credentials`).set('Authorization', `Bearer ${as}`);
  const work = () => runLineOutbox(db(), registry);
  const audited = (deviceId: string) =>
    db()('audit_log').where({ subject_id: deviceId }).orderBy('seq').select('action', 'outcome', 'details');

  async function provision(more: object = {}): Promise<{ deviceId: string; serial: string }> {
    boards += 1;
    const serial = `N4K-${boards}`;
    await post('provision', { serial, model: 'n4k', batch_id: 'B1', ...more }).expect(200);
    return { deviceId: `aovis-n4k-${boards}`, serial };
  }
  async function claimed(more: object = {}): Promise<{ deviceId: string; serial: string }> {
    const board = await provision(more);
    await work();
    await post('claim', { device_id: board.deviceId, hardware_id: `mac-${boards}` }).expect(200);
    return board;
  }

  it('makes a board from nothing: planned, claimed, shown once, registered, activated by who buys it', async () => {
    const { deviceId, serial } = await provision();
    expect((await take(deviceId).expect(409)).body.error.code).toBe('credentials_not_ready');
    await work();
    expect((await take(deviceId).expect(409)).body.error.details).toEqual({ reason: 'not_claimed' });
    const claim = { device_id: deviceId, hardware_id: 'AC:DE:48:00:11:22', iccid: '8944500102198304826' };
    const answer = await post('claim', claim).expect(200);
    expect(answer.body).toMatchObject({ state: 'ready', hardware_id: 'AC:DE:48:00:11:22' });
    expect((await post('claim', claim).expect(200)).text).toBe(answer.text);

    const shown = await take(deviceId).expect(200);
    const credentials = shown.body as LineCredentials;
    expect(shown.headers['cache-control']).toContain('no-store');
    expect(credentials.private_key_pem).toContain('canary-private-key');
    expect(credentials.activation_url).toBe(
      `http://127.0.0.1/a#${credentials.activation_code.replaceAll('-', '')}`,
    );
    expect((await take(deviceId).expect(410)).body.error.code).toBe('credentials_shown');

    const user = await seedUser(db());
    const activation = () =>
      request(app.server).post('/api/devices/activate').set('Authorization', `Bearer ${user}`).send({
        aovis_device_id: deviceId,
        activation_code: credentials.activation_code,
        iccid: claim.iccid,
      });
    await activation().expect(409);
    const registration = { device_id: deviceId, certificate_id: credentials.certificate_id };
    expect((await post('register', registration).expect(200)).body).toMatchObject({ state: 'registered' });
    await post('register', registration).expect(200);
    await work();
    expect(registry.statuses.get(credentials.certificate_id)).toBe('ACTIVE');
    expect(registry.attached.get(credentials.certificate_id)).toBe(deviceId);
    expect(registry.things.get(deviceId)).toEqual({ serial, model: 'n4k', batch: 'B1', line: 'line-3' });
    expect(await db()('outbox').where({ topic: 'device.provisioned' }).count()).toEqual([{ count: '1' }]);
    await activation().expect(200);

    expect(await audited(deviceId)).toMatchObject([
      { action: 'line.provision', outcome: 'ok' },
      { action: 'line.take_credentials', outcome: 'refused' },
      { action: 'line.claim', outcome: 'ok' },
      { action: 'line.take_credentials', outcome: 'ok' },
      { action: 'line.take_credentials', outcome: 'refused' },
      { action: 'device.activate', outcome: 'refused' },
      { action: 'line.register', outcome: 'ok' },
      { action: 'device.activate', outcome: 'ok' },
    ]);
  });

  it('nothing secret lies in the database, before or after it was shown', async () => {
    const { deviceId } = await claimed();
    const everything = async () => {
      const { rows } = await db().raw<{ rows: { all: string }[] }>(
        `SELECT coalesce(string_agg(t, ' '), '') AS all FROM (
           SELECT row_to_json(line_credentials)::text AS t FROM line_credentials
           UNION ALL SELECT row_to_json(devices)::text FROM devices
           UNION ALL SELECT row_to_json(audit_log)::text FROM audit_log
           UNION ALL SELECT row_to_json(outbox)::text FROM outbox
           UNION ALL SELECT row_to_json(factory_api_keys)::text FROM factory_api_keys
           UNION ALL SELECT row_to_json(idempotency_keys)::text FROM idempotency_keys) AS rows`,
      );
      return rows[0]?.all ?? '';
    };
    const before = await everything();
    const { body } = await take(deviceId).expect(200);
    const after = await everything();
    const secret = key.split('_').at(-1) as string;
    for (const canary of [
      'canary-private-key',
      body.activation_code,
      body.activation_code.replaceAll('-', ''),
      secret,
    ])
      for (const text of [before, after]) expect(text).not.toContain(canary);
    expect(await db()('line_credentials').where({ device_id: deviceId }).first()).toMatchObject({
      state: 'shown',
      sealed: null,
    });
  });

  it('of many requests at once, exactly one is shown the credentials', async () => {
    const { deviceId } = await claimed();
    const answers = await Promise.all(Array.from({ length: 12 }, () => take(deviceId)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200,
      ...Array<number>(11).fill(410),
    ]);
    const { deviceId: other } = await claimed();
    await request(app.server)
      .head(`/api/v1/devices/${other}/credentials`)
      .set('Authorization', `Bearer ${key}`)
      .expect(405);
    await take(other).expect(200);
  });

  it('rotates what was lost: new certificate, new code; the old ones end when the board is registered', async () => {
    const { deviceId } = await claimed();
    const lost = (await take(deviceId).expect(200)).body as LineCredentials;
    await post('register', { device_id: deviceId, certificate_id: lost.certificate_id }).expect(200);
    await work();
    const rotated = await post(`${deviceId}/rotate-credentials`, { reason: 'the label was seen' }).expect(
      200,
    );
    expect(rotated.body).toMatchObject({ state: 'preparing', credentials_version: 2 });
    await work();
    expect(registry.statuses.get(lost.certificate_id)).toBe('ACTIVE');
    const fresh = (await take(deviceId).expect(200)).body as LineCredentials;
    expect(fresh.activation_code).not.toBe(lost.activation_code);
    const wrong = await post('register', { device_id: deviceId, certificate_id: lost.certificate_id });
    expect(wrong.body.error.details).toEqual({ reason: 'certificate_differs' });
    await post('register', { device_id: deviceId, certificate_id: fresh.certificate_id }).expect(200);
    await work();
    expect(registry.statuses.get(lost.certificate_id)).toBe('REVOKED');
    expect(registry.statuses.get(fresh.certificate_id)).toBe('ACTIVE');
    const user = await seedUser(db());
    const activate = (code: string) =>
      request(app.server)
        .post('/api/devices/activate')
        .set('Authorization', `Bearer ${user}`)
        .send({ aovis_device_id: deviceId, activation_code: code });
    await activate(lost.activation_code).expect(403);
    await activate(fresh.activation_code).expect(200);
    const owned = await post(`${deviceId}/rotate-credentials`, { reason: 'again' }).expect(409);
    expect(owned.body.error.details).toEqual({ reason: 'owned' });
  });

  it('rotates once for one Idempotency-Key, whose answer may have been lost', async () => {
    const { deviceId } = await claimed();
    const rotate = (reason: string) =>
      post(`${deviceId}/rotate-credentials`, { reason }).set('Idempotency-Key', '"repair-17"');
    const first = await rotate('the answer was lost').expect(200);
    await work();
    expect((await rotate('the answer was lost').expect(200)).text).toBe(first.text);
    expect((await rotate('another one').expect(422)).body.error.code).toBe('idempotency_key_reused');
    expect((await take(deviceId).expect(200)).body).toMatchObject({ credentials_version: 2 });
  });

  it('keeps an activation code that stands in a reason out of the audit log', async () => {
    const { deviceId } = await claimed();
    const { activation_code } = (await take(deviceId).expect(200)).body as LineCredentials;
    await post(`${deviceId}/rotate-credentials`, { reason: `label ${activation_code} was seen` }).expect(200);
    const rows = JSON.stringify(await audited(deviceId));
    expect(rows).toContain('label [activation code] was seen');
    expect(rows).not.toContain(activation_code);
  });

  it('erases at once what is rotated before it was fetched, and revokes its certificate', async () => {
    const { deviceId } = await claimed();
    const { certificate_id: first } = await db()('line_credentials').where({ device_id: deviceId }).first();
    await post(`${deviceId}/rotate-credentials`, { reason: 'key policy' }).expect(200);
    expect(await db()('line_credentials').where({ device_id: deviceId, version: 1 }).first()).toMatchObject({
      state: 'replaced',
      sealed: null,
    });
    await work();
    expect(registry.statuses.get(first)).toBe('REVOKED');
    expect((await take(deviceId).expect(200)).body.credentials_version).toBe(2);
  });

  it('leaves the key on boards that send a certificate request, and says when AWS refuses it', async () => {
    const { deviceId } = await claimed({ csr });
    expect((await take(deviceId).expect(200)).body.private_key_pem).toBeUndefined();
    const { deviceId: refused } = await claimed({ csr: csr.replace('MIHc', 'REFUSED') });
    const answer = await take(refused).expect(409);
    expect(answer.body.error.details).toEqual({ reason: 'csr_refused' });
    await post(`${refused}/rotate-credentials`, { reason: 'a good request', csr }).expect(200);
    await work();
    await take(refused).expect(200);
  });

  describe('refuses', () => {
    let deviceId: string;
    let serial: string;
    beforeEach(async () => ({ deviceId, serial } = await claimed()));
    const reasonOf = async (answer: request.Test) => (await answer.expect(409)).body.error.details.reason;

    it('a serial with other data, and one of the factory’s own tool', async () => {
      const same = { serial, model: 'n4k', batch_id: 'B1' };
      await post('provision', same).expect(200);
      for (const other of [{ batch_id: 'B2' }, { csr }])
        expect(await reasonOf(post('provision', { ...same, ...other }))).toBe('known_otherwise');
      const wrongModel = await post('provision', { ...same, model: 'n5k' }).expect(400);
      expect(wrongModel.body.error.details).toEqual([
        { path: 'body.model', message: `The serial ${serial} is one of model n4k; correct one of the two` },
      ]);
      const own = await seedBoard(db(), { serial: 'N4K-400001' });
      expect(await reasonOf(post('provision', { ...same, serial: 'N4K-400001' }))).toBe('known_otherwise');
      await post('claim', { device_id: own, hardware_id: 'mac-own' }).expect(404);
    });

    it('another piece of hardware, and one that is taken; SIM cards likewise', async () => {
      expect(await reasonOf(post('claim', { device_id: deviceId, hardware_id: 'mac-other' }))).toBe(
        'hardware_differs',
      );
      const other = await provision();
      const hardware = `mac-${boards - 1}`;
      expect(await reasonOf(post('claim', { device_id: other.deviceId, hardware_id: hardware }))).toBe(
        'hardware_in_use',
      );
      const iccid = '89445001021983048261'.slice(0, 18);
      await post('claim', { device_id: other.deviceId, hardware_id: 'mac-second', iccid }).expect(200);
      expect(await reasonOf(post('claim', { device_id: deviceId, hardware_id: hardware, iccid }))).toBe(
        'iccid_in_use',
      );
    });

    it('boards that were revoked or are somebody’s, and registration without credentials', async () => {
      const certificate_id = 'ab'.repeat(32);
      expect(
        (await post('register', { device_id: deviceId, certificate_id }).expect(409)).body.error.code,
      ).toBe('credentials_not_ready');
      await db()('devices').where({ device_id: deviceId }).update({ status: 'revoked' });
      expect(await reasonOf(post(`${deviceId}/rotate-credentials`, { reason: 'why not' }))).toBe('revoked');
      const second = await claimed();
      await seedOwnership(db(), { userId: await seedUser(db()), deviceId: second.deviceId });
      expect(await reasonOf(post('claim', { device_id: second.deviceId, hardware_id: 'x-1234' }))).toBe(
        'owned',
      );
    });

    it('boards of another line, exactly like those that are not', async () => {
      const other = await makeKey({ db: db(), clock: app.clock }, 'line-4');
      const answers = await Promise.all([
        take(deviceId, other).set('X-Request-Id', 'same'),
        take('aovis-n4k-999999', other).set('X-Request-Id', 'same'),
      ]);
      expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
      expect(answers[0]?.status).toBe(404);
      await take(deviceId).expect(200);
    });
  });
});
