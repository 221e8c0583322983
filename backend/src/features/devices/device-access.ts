import type { Capability } from '@aovis/contracts/http/devices';
import { deviceIdSchema } from '@aovis/contracts/ids';
import { AppError } from '../../kernel/errors.ts';
import type { EntitlementService } from '../entitlements/entitlement-service.ts';
import type { OwnedDevice } from './device.ts';
import type { DeviceRepository } from './device-repository.ts';

/** The one guard of every route under `/api/devices/{id}`. */
export class DeviceAccess {
  readonly #devices: DeviceRepository;
  readonly #entitlements: Pick<EntitlementService, 'allows'>;

  constructor({
    devices,
    entitlements,
  }: {
    devices: DeviceRepository;
    entitlements: Pick<EntitlementService, 'allows'>;
  }) {
    this.#devices = devices;
    this.#entitlements = entitlements;
  }

  /**
   * The device, when the user owns it and, where a capability is named, may use that too. One query finds out about
   * device and owner together: a device of somebody else is as unknown as one that does not exist.
   * @throws AppError device_not_found, entitlement_required with the capability in its details
   */
  async assertDeviceServiceAccess(
    userId: string,
    deviceId: string,
    capability?: Capability,
  ): Promise<OwnedDevice> {
    const device = deviceIdSchema.safeParse(deviceId).success
      ? await this.#devices.findOwned(userId, deviceId)
      : undefined;
    if (device === undefined) throw new AppError('device_not_found');
    if (capability !== undefined && !(await this.#entitlements.allows(userId, deviceId, capability)))
      throw new AppError('entitlement_required', { details: { capability } });
    return device;
  }
}
