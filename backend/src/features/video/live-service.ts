import { channelNameOf } from '@aovis/contracts/ids';
import { liveClientIdOf } from '@aovis/contracts/live-view';
import type { DeviceAccess } from '../devices/device-access.ts';
import type { LiveChannels } from './video-ports.ts';

/** Live view from the board to the viewer, without a recording in between. */
export class LiveService {
  readonly #access: DeviceAccess;
  readonly #channels: LiveChannels;
  readonly #newUnique: () => string;

  constructor({
    access,
    channels,
    newUnique,
  }: {
    access: DeviceAccess;
    channels: LiveChannels;
    /** Must never give the same twice: a viewer replaces another of its id. */
    newUnique: () => string;
  }) {
    this.#access = access;
    this.#channels = channels;
    this.#newUnique = newUnique;
  }

  /**
   * Needs no capability: it looks at the device as it is now and uses no stored video, and who owns a camera, or is
   * shown it by its owner, may look through it.
   * @throws AppError device_not_found, service_unavailable
   */
  async invite(userId: string, deviceId: string) {
    const minimum = { minimum: 'viewer' } as const;
    const { role } = await this.#access.assertDeviceServiceAccess(userId, deviceId, undefined, minimum);
    // Signed into the address: by it the board knows who may command it.
    const clientId = liveClientIdOf(role, this.#newUnique());
    const { wssUrl, iceServers, expiresAt } = await this.#channels.invite(channelNameOf(deviceId), clientId);
    return {
      wss_url: wssUrl,
      ice_servers: iceServers,
      client_id: clientId,
      expires_at: expiresAt.toISOString(),
    };
  }
}
