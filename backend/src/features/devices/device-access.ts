import type { Capability, DeviceRole } from '@aovis/contracts/http/devices';
import { deviceIdSchema } from '@aovis/contracts/ids';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { EntitlementService } from '../entitlements/entitlement-service.ts';
import type { OwnedDevice } from './device.ts';
import type { DeviceRepository } from './device-repository.ts';

export interface DeviceAccessDependencies {
  devices: Pick<DeviceRepository, 'find'>;
  entitlements: Pick<EntitlementService, 'allowance'>;
  clock: Clock;
}

/** The one guard of every route under `/api/devices/{id}`. */
export class DeviceAccess {
  readonly #dependencies: DeviceAccessDependencies;

  constructor(dependencies: DeviceAccessDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * The device, when the user owns it, or may view it and `minimum` is `viewer` (as the route's contract says), and,
   * where a capability is named, the owner's plan allows that: a viewer uses the owner's. One query finds out about
   * device, owner and share together: a device of somebody else is as unknown as one that does not exist. A viewer, who
   * knows that it exists, is told `forbidden` of what is the owner's alone. What goes on after the answer, a picture say, ends with
   * `viewableUntil`: with a viewer's share or the plan that allows the capability.
   * @throws AppError device_not_found, forbidden, entitlement_required with the capability in its details
   */
  async assertDeviceServiceAccess(
    userId: string,
    deviceId: string,
    capability?: Capability,
    { minimum }: { minimum: DeviceRole } = { minimum: 'owner' },
  ): Promise<OwnedDevice> {
    const { devices, entitlements, clock } = this.#dependencies;
    const device = deviceIdSchema.safeParse(deviceId).success
      ? await devices.find({ userId, now: clock.now() }, deviceId)
      : undefined;
    if (device === undefined) throw new AppError('device_not_found');
    if (minimum === 'owner' && device.role !== 'owner') throw new AppError('forbidden');
    if (capability === undefined) return device;
    const allowed = await entitlements.allowance(device.ownerId, deviceId, capability);
    if (allowed === undefined) throw new AppError('entitlement_required', { details: { capability } });
    return { ...device, viewableUntil: earlier(device.viewableUntil, allowed.until) };
  }
}

function earlier(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}
