import type { Capability, DeviceRole } from '@aovis/contracts/http/devices';
import { deviceIdSchema } from '@aovis/contracts/ids';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { EntitlementService } from '../entitlements/entitlement-service.ts';
import type { OwnedDevice } from './device.ts';
import type { DeviceRepository } from './device-repository.ts';

export interface DeviceAccessDependencies {
  devices: Pick<DeviceRepository, 'find'>;
  entitlements: Pick<EntitlementService, 'allows'>;
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
   * knows that it exists, is told `forbidden` of what is the owner's alone.
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
    if (capability !== undefined && !(await entitlements.allows(device.ownerId, deviceId, capability)))
      throw new AppError('entitlement_required', { details: { capability } });
    return device;
  }
}
