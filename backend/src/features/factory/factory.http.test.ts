import fixture from '@aovis/contracts/fixtures/manifest.v1.json' with { type: 'json' };
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { createDeviceApp, type DeviceApp } from '../../testing/device-app.ts';
import { seedUser } from '../devices/testing/seed.ts';

describe('the factory route', () => {
  let database: TestDatabase;
  let app: DeviceApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = createDeviceApp(database.knex, database.url);
    await database
      .knex('factory_stations')
      .insert({ station_id: 'line-1', public_key_pem: fixture.station_public_key_pem });
  });
  afterAll(() => database.drop());
  const push = (body: object) => request(app.server).post('/api/factory/manifests').send(body);

  it('takes the golden manifest, twice alike, after a dry run; its label then activates', async () => {
    const dry = await push({ manifest: fixture.jws, dry_run: true }).expect(200);
    expect(dry.body).toMatchObject({ dry_run: true, accepted: 2 });
    const first = await push({ manifest: fixture.jws }).expect(200);
    const again = await push({ manifest: fixture.jws }).expect(200);
    expect(first.body).toEqual({ ...dry.body, dry_run: false });
    expect(again.text).toBe(first.text);

    const userId = await seedUser(database.knex);
    const activation = await request(app.server)
      .post('/api/devices/activate')
      .set('Authorization', `Bearer ${userId}`)
      .send({
        aovis_device_id: 'aovis-n4k-000123',
        activation_code: fixture.activation_codes['N4K-000123'],
        iccid: '8944500102198304826',
      });
    expect(activation.body).toMatchObject({ already_owned: false, device: { serial: 'N4K-000123' } });
  });

  const [header, payload, signature] = fixture.jws.split('.');
  const tampered = Buffer.from(
    Buffer.from(payload ?? '', 'base64url')
      .toString()
      .replace('B2026', 'B2027'),
  );
  it.each([
    [
      'a tampered manifest',
      { manifest: `${header}.${tampered.toString('base64url')}.${signature}` },
      401,
      'invalid_signature',
    ],
    ['what is no JWS', { manifest: 'hello' }, 400, 'invalid_manifest'],
    ['no manifest', {}, 400, 'invalid_request'],
    ['an unknown field', { manifest: fixture.jws, force: true }, 400, 'invalid_request'],
  ])('refuses %s', async (_, body, status, code) => {
    const answer = await push(body).expect(status);
    expect(answer.body.error.code).toBe(code);
  });
});
