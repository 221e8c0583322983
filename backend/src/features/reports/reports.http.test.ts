import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { createDeviceApp, type DeviceApp } from '../../testing/device-app.ts';
import { seedBoard, seedOwnership, seedShare, seedUser } from '../devices/testing/seed.ts';

const ownedSince = Date.parse('2026-03-01T00:00:00Z');
const minute = 60_000;

describe('what boards reported', () => {
  let database: TestDatabase;
  let app: DeviceApp;
  let owner: string;
  let thing: string;
  let nextEvent = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = createDeviceApp(database.knex, database.url);
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    owner = await seedUser(database.knex);
    thing = await seedBoard(database.knex);
    await seedOwnership(database.knex, { userId: owner, deviceId: thing, startedAt: new Date(ownedSince) });
  });

  const get = (path: string, user = owner) =>
    request(app.server).get(`/api/devices/${thing}/${path}`).set('Authorization', `Bearer ${user}`);
  async function event(type: string, at: number, receivedAt = at + 100): Promise<string> {
    nextEvent += 1;
    const event_id = `01JB00000000000000000${String(nextEvent).padStart(5, '0')}`;
    await database.knex('device_events').insert({
      device_id: thing,
      event_id,
      type,
      occurred_at: new Date(at),
      seq: nextEvent,
      data: JSON.stringify({ n: nextEvent }),
      received_at: new Date(receivedAt),
    });
    return event_id;
  }
  async function sample(metric: string, value: number, at: number, more: object = {}): Promise<void> {
    await database.knex('device_telemetry').insert({
      device_id: thing,
      event_id: '01JB0000000000000000000011',
      metric,
      value,
      unit: 'bps',
      at: new Date(at),
      received_at: new Date(at + 100),
      ...more,
    });
  }
  /** All pages of a list, and how many there were. */
  async function pages<T>(path: string, list: string): Promise<{ items: T[]; count: number }> {
    const items: T[] = [];
    let count = 0;
    for (let cursor: string | null = ''; cursor !== null; ) {
      const answer: request.Response = await get(`${path}${cursor && `&cursor=${cursor}`}`).expect(200);
      items.push(...answer.body[list]);
      cursor = answer.body.next_cursor;
      count += 1;
    }
    return { items, count };
  }

  it('shows events newest first, in pages, those of one millisecond too', async () => {
    const ids: string[] = [];
    for (const at of [1, 2, 2, 2, 3]) ids.push(await event('motion', ownedSince + at));
    const { items, count } = await pages<{ event_id: string }>('events?limit=2', 'events');
    expect(items.map(({ event_id }) => event_id)).toEqual(ids.toReversed());
    expect(count).toBe(3);
    expect(items[0]).toEqual({
      event_id: ids[4],
      type: 'motion',
      occurred_at: '2026-03-01T00:00:00.003Z',
      seq: nextEvent,
      data: { n: nextEvent },
    });
  });

  it('shows the events of a type and a time', async () => {
    await event('boot', ownedSince + minute);
    const motion = await event('motion', ownedSince + 2 * minute);
    await event('motion', ownedSince + 3 * minute);
    const { body } = await get(
      'events?type=motion&from=2026-03-01T00:02:00Z&to=2026-03-01T01:03:00%2B01:00',
    ).expect(200);
    expect(body.events.map(({ event_id }: { event_id: string }) => event_id)).toEqual([motion]);
  });

  it('shows nothing that came before the present ownership, whatever the board’s clock says', async () => {
    await event('motion', ownedSince - 1);
    await event('motion', ownedSince + minute, ownedSince - minute);
    await event('motion', ownedSince - minute, ownedSince + minute);
    await sample('rssi', -70, ownedSince - 1);
    await sample('rssi', -70, ownedSince + minute, { received_at: new Date(ownedSince - minute) });
    const { body } = await get('events?from=2020-01-01T00:00:00Z').expect(200);
    expect(body).toEqual({ events: [], next_cursor: null });
    expect((await get('telemetry').expect(200)).body).toEqual({ samples: [], next_cursor: null });
    const buckets = await get('telemetry?metric=rssi&bucket_s=60').expect(200);
    expect(buckets.body).toEqual({ buckets: [], next_cursor: null });
  });

  it('goes on past an event of a far future', async () => {
    await event('motion', 8_640_000_000_000_000, ownedSince + 1);
    const first = await event('motion', Date.parse('9999-01-01T00:00:00Z'), ownedSince + 1);
    const second = await event('motion', ownedSince + 1);
    const { items } = await pages<{ event_id: string }>('events?limit=1', 'events');
    expect(items.map(({ event_id }) => event_id)).toEqual([first, second]);
  });

  it('shows samples with their units, in pages', async () => {
    for (const n of [0, 1, 2]) {
      await sample('uplink_bitrate', n, ownedSince + n * minute);
      await sample('rssi', -70 - n, ownedSince + n * minute, { unit: 'dbm' });
    }
    const { items } = await pages<object>('telemetry?limit=4', 'samples');
    expect(items).toHaveLength(6);
    const { body } = await get('telemetry?metric=rssi').expect(200);
    expect(body.samples.map(({ value }: { value: number }) => value)).toEqual([-72, -71, -70]);
    expect(body.samples[0]).toEqual({
      metric: 'rssi',
      value: -72,
      unit: 'dbm',
      at: '2026-03-01T00:02:00.000Z',
    });
  });

  it('adds samples up in buckets, in pages, by unit', async () => {
    for (const [second, value] of [
      [0, 10],
      [59, 20],
      [60, 30],
      [179, 1e308],
      [179, 1e308],
    ] as const)
      await sample('uplink_bitrate', value, ownedSince + second * 1_000);
    await sample('uplink_bitrate', 5, ownedSince, { unit: 'percent' });
    const { items, count } = await pages(
      'telemetry?metric=uplink_bitrate&bucket_s=60&limit=1&to=2026-03-02T00:00:00Z',
      'buckets',
    );
    const bucket = { metric: 'uplink_bitrate', unit: 'bps' };
    expect(items).toEqual([
      { ...bucket, at: '2026-03-01T00:02:00.000Z', min: 1e308, avg: 1e100, max: 1e308, count: 2 },
      { ...bucket, at: '2026-03-01T00:01:00.000Z', min: 30, avg: 30, max: 30, count: 1 },
      { ...bucket, at: '2026-03-01T00:00:00.000Z', unit: 'percent', min: 5, avg: 5, max: 5, count: 1 },
      { ...bucket, at: '2026-03-01T00:00:00.000Z', min: 10, avg: 15, max: 20, count: 2 },
    ]);
    expect(count).toBe(4);
  });

  it.each([
    ['events?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z', 'invalid_range'],
    ['telemetry?bucket_s=60', 'invalid_request'],
    ['telemetry?bucket_s=0&metric=rssi', 'invalid_request'],
    ['telemetry?bucket_s=60&metric=rssi&from=2026-03-01T00:00:00Z&to=2026-05-01T00:00:00Z', 'invalid_range'],
    ['events?type=party', 'invalid_request'],
    ['events?from=yesterday', 'invalid_request'],
    ['events?cursor=nonsense', 'invalid_request'],
  ])('refuses %s: %s', async (path, code) => {
    expect((await get(path).expect(400)).body.error.code).toBe(code);
  });

  it('shows events to a viewer, and measurements to the owner alone', async () => {
    const viewer = await seedUser(database.knex);
    const until = new Date(app.clock.now().getTime() + minute);
    await seedShare(database.knex, { viewerId: viewer, deviceId: thing, until });
    const id = await event('motion', ownedSince + minute);
    const { body } = await get('events', viewer).expect(200);
    expect(body.events).toMatchObject([{ event_id: id }]);
    expect((await get('telemetry', viewer).expect(403)).body.error.code).toBe('forbidden');
  });

  it.each(['events', 'telemetry', 'telemetry?bucket_s=60'])('gives a stranger no %s', async (path) => {
    const stranger = await seedUser(database.knex);
    expect((await get(path, stranger).expect(404)).body.error.code).toBe('device_not_found');
  });
});
