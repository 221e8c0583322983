import type { DeviceRole, DeviceView } from '@aovis/contracts/http/devices';

/** A device in its present ownership, as one user may see it. */
export interface OwnedDevice {
  deviceId: string;
  serial: string;
  model: string;
  iccid: string | undefined;
  /** The owner's name for it; undefined until renamed. */
  name: string | undefined;
  /** Whose it is; a viewer's rights are measured by this user's plans. */
  ownerId: string;
  ownedSince: Date;
  /** Counts the changes of owner. */
  epoch: number;
  /** What the user who asks is to it. */
  role: DeviceRole;
  /** First instant at which the user may no longer see it: the end of a viewer's share, and of the plan where a capability was asked for. */
  viewableUntil: Date | undefined;
  /** False until the shadows of former owners are gone: they are not the present one's to see. */
  shadowsWiped: boolean;
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
    role: device.role,
    access_ends_at: device.viewableUntil?.toISOString() ?? null,
  };
}
