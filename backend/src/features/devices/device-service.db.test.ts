import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../db/database.ts';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { trialWindow } from '../entitlements/entitlement.ts';
import { KnexEntitlementRepository } from '../entitlements/entitlement-repository.ts';
import { EntitlementService } from '../entitlements/entitlement-service.ts';
import { DeviceAccess } from './device-access.ts';
import { deviceOutboxHandlers } from './device-outbox.ts';
import { KnexDeviceRepository } from './device-repository.ts';
import { type Caller, DeviceService } from './device-service.ts';
import { FakeShadows } from './testing/fake-shadows.ts';
import { seedBoard, seedOwnership, seedUser } from './testing/seed.ts';

describe('devices of an owner', () => {
  let database: TestDatabase;
  let db: Database;
  let clock: FakeClock;
  let shadows: FakeShadows;
  let service: DeviceService;
  let owner: Caller;
  let deviceId: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    clock = new FakeClock('2026-03-05T00:00:00Z');
    shadows = new FakeShadows();
    const entitlements = new EntitlementService({ repository: new KnexEntitlementRepository(db), clock });
    const access = new DeviceAccess({ devices: new KnexDeviceRepository(db), entitlements, clock });
    service = new DeviceService({ db, clock, access, entitlements, shadows });
    owner = { userId: await seedUser(db), requestId: randomUUID() };
    deviceId = await seedBoard(db);
    await seedOwnership(db, { userId: owner.userId, deviceId });
  });
  const auditOf = (action: string) => db('audit_log').where({ subject_id: deviceId, action });

  it('are listed in pages', async () => {
    const second = await seedBoard(db);
    await seedOwnership(db, { userId: owner.userId, deviceId: second });
    const page = await service.list(owner.userId, { limit: 1 });
    expect(page.devices.map((device) => device.device_id)).toEqual([deviceId]);
    const next = await service.list(owner.userId, { limit: 1, cursor: page.next_cursor ?? '' });
    expect(next).toMatchObject({ devices: [{ device_id: second }], next_cursor: null });
    await expect(service.list(owner.userId, { limit: 1, cursor: 'x' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  it('are shown with entitlements and report, the SIM masked', async () => {
    const iccid = '8944500102198304826';
    await db('sims').insert({ iccid });
    await db('devices').where({ device_id: deviceId }).update({ iccid });
    const window = trialWindow(clock.now());
    const trials = new KnexEntitlementRepository(db);
    await trials.insertTrial({ userId: owner.userId, deviceId, capability: 'cloud_playback', ...window });
    shadows.put(deviceId, undefined, {
      reported: { stream: { state: 'streaming' } },
      version: 7,
      reportedAtMs: clock.now().getTime(),
    });
    const detail = await service.get(owner.userId, deviceId);
    expect(detail).toMatchObject({
      device_id: deviceId,
      iccid: '8944***********4826',
      entitlements: [{ capability: 'cloud_playback', source: 'trial', active: true }],
      shadow: { version: 7, stream_state: 'streaming', reported_at: '2026-03-05T00:00:00.000Z' },
    });
    expect(JSON.stringify(detail)).not.toContain(iccid);
  });

  it('are shown while the shadow service is away', async () => {
    shadows.away = true;
    expect(await service.get(owner.userId, deviceId)).toMatchObject({ device_id: deviceId, shadow: null });
  });

  it('can be renamed', async () => {
    expect(await service.rename(owner, deviceId, 'Front door')).toMatchObject({ name: 'Front door' });
    expect(await service.get(owner.userId, deviceId)).toMatchObject({ name: 'Front door' });
    expect(await auditOf('device.rename')).toHaveLength(1);
  });

  it('end with their release, once, and take name and shadows along', async () => {
    await service.rename(owner, deviceId, 'Bedroom');
    const results = await Promise.allSettled([1, 2, 3].map(() => service.release(owner, deviceId)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(service.get(owner.userId, deviceId)).rejects.toMatchObject({ code: 'device_not_found' });
    expect(await db('device_ownerships').where({ device_id: deviceId })).toEqual([
      expect.objectContaining({ name: null, ended_at: clock.now(), end_reason: 'released' }),
    ]);
    expect(await db('devices').where({ device_id: deviceId })).toEqual([
      expect.objectContaining({ ownership_epoch: 1 }),
    ]);
    expect(await auditOf('device.release')).toEqual([
      expect.objectContaining({ details: { epoch: 1, shares: 0, offers: 0 } }),
    ]);

    shadows.put(deviceId, undefined, {});
    shadows.put(deviceId, 'config', {});
    const [effect] = await db('outbox').where({ key: deviceId, topic: 'device.released' });
    const streams = { ensureStream: async () => {} };
    const channels = { ensureChannel: async () => {} };
    const effects = { db, streams, channels, shadows, retentionHours: 24 };
    const handler = deviceOutboxHandlers(effects)['device.released'];
    await handler?.(effect?.payload, { attempt: 1, signal: new AbortController().signal });
    expect(await shadows.find(deviceId, undefined)).toBeUndefined();
    // What a board that was away takes over when it comes back.
    const config = await shadows.find(deviceId, 'config');
    expect(config).toMatchObject({ reported: {}, desired: { stream: { enabled: true }, log_level: 'info' } });
  });

  it('are configured at the version that was read', async () => {
    const desired = { stream: { enabled: false } };
    expect(await service.getShadow(owner.userId, deviceId, 'config')).toMatchObject({ version: 0 });
    const first = await service.updateShadow(owner, deviceId, { desired, expectedVersion: 0 });
    expect(first).toMatchObject({ desired, delta: desired, version: 1 });
    const stale = service.updateShadow(owner, deviceId, { desired, expectedVersion: 7 });
    await expect(stale).rejects.toMatchObject({ code: 'shadow_version_conflict' });
    expect(await auditOf('device.configure')).toEqual([
      expect.objectContaining({ details: { keys: ['stream'] } }),
    ]);
  });

  it('are closed to everybody else in every way', async () => {
    const stranger = { userId: await seedUser(db), requestId: randomUUID() };
    const ways = [
      () => service.get(stranger.userId, deviceId),
      () => service.rename(stranger, deviceId, 'Mine'),
      () => service.release(stranger, deviceId),
      () => service.getShadow(stranger.userId, deviceId, 'state'),
      () => service.updateShadow(stranger, deviceId, { desired: {}, expectedVersion: 0 }),
    ];
    for (const way of ways) await expect(way()).rejects.toMatchObject({ code: 'device_not_found' });
    expect(await service.list(stranger.userId, { limit: 10 })).toEqual({ devices: [], next_cursor: null });
  });
});
