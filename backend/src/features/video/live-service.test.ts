import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { DeviceAccess } from '../devices/device-access.ts';
import { FakeDeviceRepository } from '../devices/fake-device-repository.ts';
import { LiveService } from './live-service.ts';

const deviceId = 'aovis-n4k-000001';
const iceServers = [{ urls: ['turn:192.0.2.1:443'], username: 'u', credential: 'p' }];

describe('an invitation to live view', () => {
  let invited: string[][];
  let service: LiveService;
  let devices: FakeDeviceRepository;
  let clock: FakeClock;
  let entitled: boolean;
  let planEndsAt: Date | undefined;
  beforeEach(() => {
    invited = [];
    clock = new FakeClock();
    entitled = true;
    planEndsAt = undefined;
    let viewers = 0;
    devices = new FakeDeviceRepository();
    const ownedSince = new Date('2026-03-01T00:00:00Z');
    const device = { deviceId, serial: 'N4K-000001', model: 'n4k', ownedSince, epoch: 1, online: true };
    devices.add('owner', { ...device, iccid: undefined, name: undefined, lastSeenAt: undefined });
    service = new LiveService({
      access: new DeviceAccess({
        devices,
        entitlements: {
          allowance: async (_user, _device, capability) =>
            entitled && capability === 'cloud_playback' ? { until: planEndsAt } : undefined,
        },
        clock,
      }),
      channels: {
        ensureChannel: async () => {},
        invite: async (channel, clientId) => {
          invited.push([channel, clientId]);
          const wssUrl = `wss://v-1.example/?X-Amz-ClientId=${clientId}`;
          return { wssUrl, iceServers, expiresAt: new Date('2026-03-01T08:04:59Z') };
        },
      },
      clock,
      newUnique: () => String(++viewers),
    });
  });

  /** As the invitation states it, of the first ownership and now. */
  const clientId = (role: string, seconds: number, unique: number) =>
    `${role}-1-${clock.now().getTime()}-${seconds}-${unique}`;

  it('is another for each viewer', async () => {
    expect(await service.invite('owner', deviceId)).toEqual({
      wss_url: `wss://v-1.example/?X-Amz-ClientId=${clientId('owner', 3_600, 1)}`,
      ice_servers: iceServers,
      client_id: clientId('owner', 3_600, 1),
      expires_at: '2026-03-01T08:04:59.000Z',
    });
    await service.invite('owner', deviceId);
    expect(invited).toEqual([
      [`aovis-webrtc-${deviceId}`, clientId('owner', 3_600, 1)],
      [`aovis-webrtc-${deviceId}`, clientId('owner', 3_600, 2)],
    ]);
  });

  it('says in its client id who it is for, and for how long', async () => {
    devices.share({ viewerId: 'friend', deviceId, until: new Date('2026-12-01T00:00:00Z') });
    expect((await service.invite('friend', deviceId)).client_id).toBe(clientId('viewer', 3_600, 1));
    const until = new Date(clock.now().getTime() + 90_000);
    devices.share({ viewerId: 'short', deviceId, until });
    expect((await service.invite('short', deviceId)).client_id).toBe(clientId('viewer', 90, 2));
  });

  it('takes a plan of the owner’s, for guests too', async () => {
    devices.share({ viewerId: 'friend', deviceId, until: new Date('2026-12-01T00:00:00Z') });
    entitled = false;
    for (const user of ['owner', 'friend'])
      await expect(service.invite(user, deviceId)).rejects.toMatchObject({
        code: 'entitlement_required',
        details: { capability: 'cloud_playback' },
      });
    expect(invited).toEqual([]);
  });

  it('is over when the plan is, for the owner and guests', async () => {
    devices.share({ viewerId: 'friend', deviceId, until: new Date('2026-12-01T00:00:00Z') });
    planEndsAt = new Date(clock.now().getTime() + 90_000);
    expect((await service.invite('owner', deviceId)).client_id).toBe(clientId('owner', 90, 1));
    expect((await service.invite('friend', deviceId)).client_id).toBe(clientId('viewer', 90, 2));
  });

  it('is not for strangers', async () => {
    await expect(service.invite('stranger', deviceId)).rejects.toMatchObject({ code: 'device_not_found' });
    expect(invited).toEqual([]);
  });
});
