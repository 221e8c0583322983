import fixture from '@aovis/contracts/fixtures/iot-event.v1.json' with { type: 'json' };
import { type IotEnvelope, iotEnvelopeSchema } from '@aovis/contracts/http/ingestion';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../db/database.ts';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { seedBoard } from '../devices/testing/seed.ts';
import { IngestionService } from './ingestion-service.ts';
import { signatureOf } from './signature.ts';
import { noProofs } from './testing/no-proofs.ts';

describe('ingestion', () => {
  let database: TestDatabase;
  let db: Database;
  let service: IngestionService;
  const clock = new FakeClock('2026-03-01T08:00:00Z');
  const signingKeys = [fixture.signed_event.key];

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
    service = new IngestionService({ db, clock, signingKeys, proofs: noProofs });
  });
  afterAll(() => database.drop());
  const of = (thing: string, golden: object): IotEnvelope => iotEnvelopeSchema.parse({ ...golden, thing });
  const auditOf = (thing: string) => db('audit_log').where({ subject_id: thing });

  it('stores an event once though it comes 100 times at once', async () => {
    const thing = await seedBoard(db);
    const results = await Promise.all(
      Array.from({ length: 100 }, () => service.take(of(thing, fixture.event), 'r')),
    );
    expect(results.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(await db('device_events').where({ device_id: thing })).toHaveLength(1);
    expect(await auditOf(thing)).toHaveLength(99);
  });

  it('survives a board that uses the ids of another', async () => {
    const [one, another] = [await seedBoard(db), await seedBoard(db)];
    expect(await service.take(of(one, fixture.event), 'r')).toEqual({ received: true, duplicate: false });
    expect(await service.take(of(another, fixture.event), 'r')).toEqual({ received: true, duplicate: false });
  });

  it('knows whether a board is online, in whatever order it hears of it', async () => {
    const thing = await seedBoard(db);
    const payload = (
      sessionIdentifier: string,
      versionNumber: number,
      eventType: string,
      timestamp: number,
    ) =>
      of(thing, {
        ...fixture.presence_connected,
        payload: {
          ...fixture.presence_connected.payload,
          sessionIdentifier,
          versionNumber,
          eventType,
          timestamp,
        },
      });
    const at = clock.now().getTime();
    const life = [
      payload('a', 1, 'connected', at),
      payload('a', 1, 'disconnected', at + 50),
      payload('b', 2, 'connected', at + 49),
    ];
    await Promise.all([...life, ...life].reverse().map((envelope) => service.take(envelope, 'r')));
    expect(await db('device_presence').where({ device_id: thing })).toEqual([
      expect.objectContaining({ online: true, session_id: 'b' }),
    ]);
    await service.take(payload('b', 2, 'disconnected', at + 90), 'r');
    expect(await db('device_presence').where({ device_id: thing })).toEqual([
      expect.objectContaining({ online: false, version: '2' }),
    ]);
  });

  it('refuses a board that no manifest brought, and audits it', async () => {
    const envelope = of('aovis-n4k-999999', fixture.event);
    await expect(service.take(envelope, 'r')).rejects.toMatchObject({ code: 'device_not_found' });
    expect(await auditOf('aovis-n4k-999999')).toEqual([expect.objectContaining({ outcome: 'refused' })]);
  });

  it('audits a bad signature without its parts', async () => {
    const rawBody = Buffer.from(fixture.signed_event.raw_body);
    const timestamp = fixture.signed_event.headers['X-Aovis-Timestamp'];
    const signature = fixture.signed_event.headers['X-Aovis-Signature'];
    await service.assertSigned({ timestamp, signature, rawBody }, 'good');
    const forged = signatureOf(timestamp, rawBody, 'another key');
    const refused = service.assertSigned({ timestamp, signature: forged, rawBody }, 'forged');
    await expect(refused).rejects.toMatchObject({ code: 'invalid_signature' });
    expect(await db('audit_log').whereIn('request_id', ['good', 'forged'])).toEqual([
      expect.objectContaining({
        request_id: 'forged',
        outcome: 'refused',
        details: { code: 'invalid_signature', verdict: 'wrong' },
      }),
    ]);
  });
});
