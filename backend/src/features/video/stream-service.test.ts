import { beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '../../kernel/errors.ts';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { DeviceAccess } from '../devices/device-access.ts';
import { FakeDeviceRepository } from '../devices/fake-device-repository.ts';
import { trialWindow } from '../entitlements/entitlement.ts';
import { EntitlementService } from '../entitlements/entitlement-service.ts';
import { FakeEntitlementRepository } from '../entitlements/fake-entitlement-repository.ts';
import { StreamService } from './stream-service.ts';

const deviceId = 'aovis-n4k-000001';
const ownedSince = new Date('2026-03-01T00:00:00Z');

describe('a stream', () => {
  let opened: unknown[];
  let devices: FakeDeviceRepository;
  let service: StreamService;
  beforeEach(async () => {
    opened = [];
    const clock = new FakeClock('2026-03-02T00:00:00Z');
    devices = new FakeDeviceRepository();
    const device = { deviceId, serial: 'N4K-000001', model: 'n4k', ownedSince, epoch: 1, online: true };
    devices.add('owner', { ...device, iccid: undefined, name: undefined, lastSeenAt: undefined });
    const repository = new FakeEntitlementRepository();
    await repository.insertTrial({
      userId: 'owner',
      deviceId,
      capability: 'cloud_playback',
      ...trialWindow(ownedSince),
    });
    const sessions = {
      open: async (...request: unknown[]) => {
        opened.push(request);
        return 'https://video.example/master.m3u8?SessionToken=t';
      },
    };
    const entitlements = new EntitlementService({ repository, clock });
    service = new StreamService({
      access: new DeviceAccess({ devices, entitlements, clock }),
      sessions,
      clock,
    });
  });

  it('plays from a URL that ends soon', async () => {
    expect(await service.open('owner', deviceId, { mode: 'live' })).toEqual({
      protocol: 'hls',
      url: 'https://video.example/master.m3u8?SessionToken=t',
      expires_at: '2026-03-02T00:15:00.000Z',
    });
    expect(opened).toEqual([[`aovis-stream-${deviceId}`, { mode: 'live' }, 900]]);
  });

  it.each([
    ['2026-03-02T12:00:00Z', 900],
    ['2026-03-02T00:10:00.900Z', 600],
    ['2026-03-02T00:01:00Z', 300],
  ])(
    'plays for a viewer until the share ends, %s, as far as the service can: %i s',
    async (until, seconds) => {
      devices.share({ viewerId: 'viewer', deviceId, until: new Date(until) });
      const { expires_at } = await service.open('viewer', deviceId, { mode: 'live' });
      expect(opened).toEqual([[`aovis-stream-${deviceId}`, { mode: 'live' }, seconds]]);
      expect(new Date(expires_at)).toEqual(new Date(Date.parse('2026-03-02T00:00:00Z') + seconds * 1_000));
    },
  );

  it('begins no earlier than the ownership', async () => {
    const end = '2026-03-01T06:00:00Z';
    await service.open('owner', deviceId, { mode: 'on_demand', start: '2026-02-28T12:00:00Z', end });
    expect(opened).toEqual([
      [`aovis-stream-${deviceId}`, { mode: 'on_demand', start: ownedSince, end: new Date(end) }, 900],
    ]);
    const before = { mode: 'on_demand', start: '2026-02-28T12:00:00Z', end: '2026-03-01T00:00:00Z' } as const;
    await expect(service.open('owner', deviceId, before)).rejects.toMatchObject({
      code: 'stream_not_available',
    });
  });

  it('asks who it is before it looks at the range', async () => {
    await expect(service.open('stranger', deviceId, { mode: 'replay' })).rejects.toMatchObject({
      code: 'device_not_found',
    });
    await expect(service.open('owner', deviceId, { mode: 'replay' })).rejects.toEqual(
      new AppError('invalid_range', { details: { problem: 'replay needs start' } }),
    );
    expect(opened).toEqual([]);
  });
});
