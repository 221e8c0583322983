import { createServer, type Server } from 'node:http';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { createApp } from '../../app.ts';
import { loadConfig } from '../../config/config.ts';
import type { SignedInUser } from '../../http/route.ts';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { createLogger } from '../../kernel/logger.ts';
import { testEnvironment } from '../../testing/test-environment.ts';
import { seedBoard, seedOwnership, seedUser } from '../devices/testing/seed.ts';
import { batchQualityRoutes } from './batch-quality-routes.ts';
import { BatchQualityService } from './batch-quality-service.ts';

describe('the quality of a batch', () => {
  let database: TestDatabase;
  let server: Server;
  let role: SignedInUser['role'] = 'support';
  const clock = new FakeClock('2026-03-10T00:00:00Z');

  beforeAll(async () => {
    database = await createTestDatabase();
    const db = database.knex;
    server = createServer(
      createApp({
        config: loadConfig(testEnvironment(database.url)),
        db,
        clock,
        log: createLogger({ level: 'silent' }),
        routes: batchQualityRoutes(new BatchQualityService({ db, clock })),
        authenticate: async () => ({ id: 'staff', sessionId: 's', role }),
      }),
    );
  });
  afterAll(() => database.drop());
  const get = (batch: string) =>
    request(server)
      .get(`/api/admin/batches/${encodeURIComponent(batch)}/quality`)
      .set('Authorization', 'x');

  async function board(batch: string, { activated = true, bitrates = [] as number[] } = {}): Promise<string> {
    const db = database.knex;
    const thing = await seedBoard(db);
    await db('devices').where({ device_id: thing }).update({ batch_id: batch, last_seen_at: clock.now() });
    if (activated) await seedOwnership(db, { userId: await seedUser(db), deviceId: thing });
    const rows = bitrates.map((value, n) => ({
      device_id: thing,
      event_id: 'e',
      metric: 'uplink_bitrate',
      value,
      unit: 'bps',
      at: new Date(clock.now().getTime() - 60_000 * (bitrates.length - n)),
    }));
    if (rows.length > 0) await db('device_telemetry').insert(rows);
    return thing;
  }

  it('is told to staff from what the boards reported last', async () => {
    await board('b1', { bitrates: [1e308, ...Array.from({ length: 20 }, () => 1_000)] });
    const crashing = await board('b1', { bitrates: [2_000, 4_000] });
    await board('b1', { activated: false });
    await board('b2', { bitrates: [1] });
    const db = database.knex;
    await db('device_events').insert({
      device_id: crashing,
      event_id: 'e',
      type: 'crash',
      occurred_at: clock.now(),
      seq: 1,
      data: '{}',
    });
    await db('device_telemetry').insert(
      [1, 2].map((value) => ({
        device_id: crashing,
        event_id: 'e',
        metric: 'dropped_fragments',
        value,
        unit: 'count',
        at: clock.now(),
      })),
    );
    expect((await get('b1').expect(200)).body).toEqual({
      batch_id: 'b1',
      as_of: '2026-03-10T00:00:00.000Z',
      boards_total: 3,
      boards_handed_over: 3,
      boards_activated: 2,
      boards_surviving: 2,
      activation_rate_percent: 66.67,
      survival_percent: 100,
      health_score_percent: 66.67,
      uplink_bitrate: { mean_bps: 2_000, boards_reporting: 2, uniformity_percent: 50 },
      rssi: { mean_dbm: null, boards_reporting: 0, uniformity_percent: null },
      boot_time: { mean_seconds: null, boards_reporting: 0, uniformity_percent: null },
    });
  });

  it.each(['unknown', 'a\0b', "' OR 1=1 --"])('is not told of the batch %j', async (batch) => {
    expect((await get(batch).expect(404)).body.error.code).toBe('not_found');
  });

  it('is not told to customers', async () => {
    role = 'user';
    expect((await get('b1').expect(403)).body.error.code).toBe('forbidden');
    role = 'support';
  });
});
