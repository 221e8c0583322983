import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { trialWindow } from '../entitlements/entitlement.ts';
import { EntitlementService } from '../entitlements/entitlement-service.ts';
import { FakeEntitlementRepository } from '../entitlements/fake-entitlement-repository.ts';
import type { OwnedDevice } from './device.ts';
import { DeviceAccess } from './device-access.ts';
import { type FakeDevice, FakeDeviceRepository } from './fake-device-repository.ts';

const board: FakeDevice = {
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
const { deviceId } = board;
const day = 86_400_000;

describe('the guard', () => {
  let clock: FakeClock;
  let devices: FakeDeviceRepository;
  let device: OwnedDevice;
  let entitlements: FakeEntitlementRepository;
  let access: DeviceAccess;
  beforeEach(() => {
    clock = new FakeClock('2026-03-01T00:00:00Z');
    devices = new FakeDeviceRepository();
    device = devices.add('owner', board);
    devices.share({ viewerId: 'viewer', deviceId, until: new Date(clock.now().getTime() + day) });
    entitlements = new FakeEntitlementRepository();
    access = new DeviceAccess({
      devices,
      entitlements: new EntitlementService({ repository: entitlements, clock }),
      clock,
    });
  });
  const check = (userId: string, id: string, capability?: 'cloud_playback') =>
    access.assertDeviceServiceAccess(userId, id, capability);
  const checkView = (userId: string, capability?: 'cloud_playback') =>
    access.assertDeviceServiceAccess(userId, deviceId, capability, { minimum: 'viewer' });
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
    expect(await check('owner', deviceId, 'cloud_playback')).toEqual({
      ...device,
      viewableUntil: trialWindow(clock.now()).endsAt,
    });
    clock.advance(30 * day);
    await expect(check('owner', deviceId, 'cloud_playback')).rejects.toMatchObject({
      code: 'entitlement_required',
    });
  });

  it('lets a viewer see, for as long as the share lasts', async () => {
    expect(await checkView('viewer')).toEqual({
      ...device,
      role: 'viewer',
      viewableUntil: new Date('2026-03-02T00:00:00Z'),
    });
    expect(await checkView('owner')).toEqual(device);
    await expect(checkView('stranger')).rejects.toMatchObject({ code: 'device_not_found' });
    clock.advance(day);
    await expect(checkView('viewer')).rejects.toMatchObject({ code: 'device_not_found' });
  });

  it('tells a viewer, who knows the device, what is the owner’s alone', async () => {
    await startTrial('owner');
    await expect(check('viewer', deviceId)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(check('viewer', deviceId, 'cloud_playback')).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('measures a viewer by the owner’s plan', async () => {
    await startTrial('viewer');
    await expect(checkView('viewer', 'cloud_playback')).rejects.toMatchObject({
      code: 'entitlement_required',
    });
    const another = new FakeEntitlementRepository();
    await another.insertTrial({
      userId: 'owner',
      deviceId,
      capability: 'cloud_playback',
      ...trialWindow(clock.now()),
    });
    const guard = new DeviceAccess({
      devices,
      entitlements: new EntitlementService({ repository: another, clock }),
      clock,
    });
    const view = guard.assertDeviceServiceAccess('viewer', deviceId, 'cloud_playback', {
      minimum: 'viewer',
    });
    expect(await view).toMatchObject({ ownerId: 'owner', role: 'viewer' });
  });

  it('an entitlement without the device opens nothing', async () => {
    await startTrial('stranger');
    await expect(check('stranger', deviceId, 'cloud_playback')).rejects.toMatchObject({
      code: 'device_not_found',
    });
  });
});
