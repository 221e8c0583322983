import fixture from '@aovis/contracts/fixtures/iot-event.v1.json' with { type: 'json' };
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import request from 'supertest';
import { createDeviceApp, type DeviceApp, iotEventSecret } from '../../testing/device-app.ts';
import { seedBoard } from '../devices/testing/seed.ts';
import { signatureOf } from './signature.ts';

const { headers: goldenHeaders, raw_body: goldenBody } = fixture.signed_event;

describe('the ingestion route', () => {
  let database: TestDatabase;
  let app: DeviceApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = createDeviceApp(database.knex, database.url);
    await seedBoard(database.knex, { serial: 'N4K-000123' });
  });
  afterAll(() => database.drop());
  const post = (body: string | Buffer, headers: Record<string, string> = {}) =>
    request(app.server)
      .post('/api/internal/aws/iot-event')
      .set({ 'Content-Type': 'application/json', ...headers })
      .serialize((content) => content as string)
      .send(body);
  const signed = (body: string | Buffer) => {
    const timestamp = String(app.clock.now().getTime() / 1000);
    const signature = signatureOf(timestamp, Buffer.from(body), iotEventSecret);
    return post(body, { 'X-Aovis-Timestamp': timestamp, 'X-Aovis-Signature': signature });
  };

  it('takes the golden event, and the same again as a duplicate', async () => {
    expect((await post(goldenBody, goldenHeaders).expect(200)).body).toEqual({
      received: true,
      duplicate: false,
    });
    expect((await post(goldenBody, goldenHeaders).expect(200)).body).toEqual({
      received: true,
      duplicate: true,
    });
    expect(await database.knex('device_events').count().first()).toEqual({ count: '1' });
  });

  it.each([
    ['without headers', goldenBody, {}],
    ['with one byte altered', goldenBody.replace('0.87', '0.88'), goldenHeaders],
    ['with a short signature', goldenBody, { ...goldenHeaders, 'X-Aovis-Signature': 'ab' }],
    [
      'with a signature of other characters',
      goldenBody,
      { ...goldenHeaders, 'X-Aovis-Signature': 'x'.repeat(64) },
    ],
    ['with another time', goldenBody, { ...goldenHeaders, 'X-Aovis-Timestamp': '1772352001' }],
    ['before it looks at the body', 'no json', goldenHeaders],
  ])('refuses an event %s', async (_, body, headers) => {
    expect((await post(body, headers).expect(401)).body.error.code).toBe('invalid_signature');
  });

  it.each([-301, 301])('refuses what was signed %i s from now', async (seconds) => {
    app.clock.advance(-seconds * 1000);
    await post(goldenBody, goldenHeaders).expect(401);
    app.clock.advance(seconds * 1000);
  });

  it.each([
    ['malformed JSON', '{', 'invalid_json'],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'invalid_json'],
    ['an unknown field', JSON.stringify({ ...fixture.event, extra: 1 }), 'invalid_request'],
    ['deep nesting', '['.repeat(50_000) + ']'.repeat(50_000), 'invalid_request'],
  ])('refuses a signed body with %s', async (_, body, code) => {
    expect((await signed(body).expect(400)).body.error.code).toBe(code);
  });

  it('refuses a signed event of a board it does not know', async () => {
    const answer = await signed(JSON.stringify({ ...fixture.event, thing: 'aovis-n4k-999999' })).expect(404);
    expect(answer.body.error.code).toBe('device_not_found');
  });

  it('stores or refuses whatever is signed, and never fails', async () => {
    const golden = [fixture.event, fixture.telemetry, fixture.presence_connected, fixture.lwt];
    const json = fc.jsonValue({ stringUnit: 'binary' });
    const id = fc.stringMatching(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
    const body = fc.oneof(
      json,
      // Goldens with one part replaced by anything.
      fc
        .record({
          envelope: fc.constantFrom(...golden),
          key: fc.constantFrom('kind', 'thing', 'topic', 'received_at', 'payload'),
          value: json,
        })
        .map(({ envelope, key, value }) => ({ ...envelope, [key]: value })),
      fc
        .record({ event_id: id, data: fc.dictionary(fc.string({ unit: 'binary', maxLength: 64 }), json) })
        .map((change) => ({
          ...fixture.event,
          payload: { ...fixture.event.payload, ...change },
        })),
      fc.record({ occurred_at: fc.maxSafeNat(), seq: fc.maxSafeNat(), event_id: id }).map((change) => ({
        ...fixture.event,
        payload: { ...fixture.event.payload, ...change },
      })),
      fc
        .record({
          sessionIdentifier: fc.string({ unit: 'binary', maxLength: 140 }),
          versionNumber: fc.maxSafeNat(),
          timestamp: fc.maxSafeNat(),
        })
        .map((change) => ({
          ...fixture.presence_connected,
          payload: { ...fixture.presence_connected.payload, ...change },
        })),
      fc.double().map((value) => ({
        ...fixture.telemetry,
        payload: {
          ...fixture.telemetry.payload,
          event_id: '01JB0000000000000000000099',
          samples: [{ ...fixture.telemetry.payload.samples[0], value }],
        },
      })),
    );
    await fc.assert(
      fc.asyncProperty(body, async (content) => {
        expect((await signed(JSON.stringify(content))).status).toBeLessThan(500);
      }),
      { numRuns: 200 },
    );
  });
});
