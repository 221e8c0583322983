import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { trialWindow } from '../entitlements/entitlement.ts';
import { EntitlementService } from '../entitlements/entitlement-service.ts';
import { FakeEntitlementRepository } from '../entitlements/fake-entitlement-repository.ts';
import type { OwnedDevice } from './device.ts';
import { DeviceAccess } from './device-access.ts';
import { FakeDeviceRepository } from './fake-device-repository.ts';

const device: OwnedDevice = {
  deviceId: 'aovis-n4k-000001',
  serial: 'N4K-000001',
  model: 'n4k',
  iccid: undefined,
  name: undefined,
  ownedSince: new Date('2026-03-01T00:00:00Z'),
  epoch: 1,
  online: false,
  lastSeenAt: undefined,
};
const { deviceId } = device;

describe('the guard', () => {
  let clock: FakeClock;
  let entitlements: FakeEntitlementRepository;
  let access: DeviceAccess;
  beforeEach(() => {
    clock = new FakeClock('2026-03-01T00:00:00Z');
    const devices = new FakeDeviceRepository();
    devices.add('owner', device);
    entitlements = new FakeEntitlementRepository();
    access = new DeviceAccess({
      devices,
      entitlements: new EntitlementService({ repository: entitlements, clock }),
    });
  });
  const check = (userId: string, id: string, capability?: 'cloud_playback') =>
    access.assertDeviceServiceAccess(userId, id, capability);
  const startTrial = (userId: string) =>
    entitlements.insertTrial({ userId, deviceId, capability: 'cloud_playback', ...trialWindow(clock.now()) });

  it('lets the owner through', async () => {
    expect(await check('owner', deviceId)).toEqual(device);
  });

  it.each([
    ['a stranger', 'stranger', deviceId],
    ['an unknown device', 'owner', 'aovis-n4k-999999'],
    ['what is no device id', 'owner', "\0'--"],
  ])('tells %s no more than that there is no such device', async (_, userId, id) => {
    const refusal = { code: 'device_not_found', details: undefined };
    await expect(check(userId, id)).rejects.toMatchObject(refusal);
    await expect(check(userId, id, 'cloud_playback')).rejects.toMatchObject(refusal);
  });

  it('names the capability that the owner lacks', async () => {
    await expect(check('owner', deviceId, 'cloud_playback')).rejects.toMatchObject({
      code: 'entitlement_required',
      details: { capability: 'cloud_playback' },
    });
  });

  it('lets the owner use what is entitled, as long as it is', async () => {
    await startTrial('owner');
    expect(await check('owner', deviceId, 'cloud_playback')).toEqual(device);
    clock.advance(30 * 86_400_000);
    await expect(check('owner', deviceId, 'cloud_playback')).rejects.toMatchObject({
      code: 'entitlement_required',
    });
  });

  it('an entitlement without the device opens nothing', async () => {
    await startTrial('stranger');
    await expect(check('stranger', deviceId, 'cloud_playback')).rejects.toMatchObject({
      code: 'device_not_found',
    });
  });
});
