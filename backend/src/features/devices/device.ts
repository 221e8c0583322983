import type { DeviceView } from '@aovis/contracts/http/devices';

/** One user's device, as that user may see it. */
export interface OwnedDevice {
  deviceId: string;
  serial: string;
  model: string;
  iccid: string | undefined;
  /** The owner's name for it; undefined until renamed. */
  name: string | undefined;
  ownedSince: Date;
  /** Counts the changes of owner. */
  epoch: number;
  online: boolean;
  lastSeenAt: Date | undefined;
}

export function toDeviceView(device: OwnedDevice): DeviceView {
  return {
    device_id: device.deviceId,
    serial: device.serial,
    model: device.model,
    name: device.name ?? device.serial,
    online: device.online,
    last_seen_at: device.lastSeenAt?.toISOString() ?? null,
    activated_at: device.ownedSince.toISOString(),
  };
}
