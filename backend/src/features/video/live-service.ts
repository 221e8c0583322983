import { channelNameOf } from '@aovis/contracts/ids';
import { liveClientIdOf, maxLiveSeconds } from '@aovis/contracts/live-view';
import type { Clock } from '../../kernel/clock.ts';
import type { DeviceAccess } from '../devices/device-access.ts';
import type { LiveChannels } from './video-ports.ts';

/** Live view from the board to the viewer, without a recording in between. */
export class LiveService {
  readonly #access: DeviceAccess;
  readonly #channels: LiveChannels;
  readonly #clock: Clock;
  readonly #newUnique: () => string;

  constructor({
    access,
    channels,
    clock,
    newUnique,
  }: {
    access: DeviceAccess;
    channels: LiveChannels;
    clock: Clock;
    /** Must never give the same twice: a viewer replaces another of its id. */
    newUnique: () => string;
  }) {
    this.#access = access;
    this.#channels = channels;
    this.#clock = clock;
    this.#newUnique = newUnique;
  }

  /** @throws AppError device_not_found, entitlement_required, service_unavailable */
  async invite(userId: string, deviceId: string) {
    // Before the look at the records: what ends a share after it makes this invitation void.
    const issuedAt = this.#clock.now().getTime();
    const { role, epoch, viewableUntil } = await this.#access.assertDeviceServiceAccess(
      userId,
      deviceId,
      'cloud_playback',
      { minimum: 'viewer' },
    );
    const seconds = viewableUntil === undefined ? maxLiveSeconds : secondsBetween(issuedAt, viewableUntil);
    // Signed into the address: by it the board knows who may command it, and whom to let go when a share ends.
    const clientId = liveClientIdOf({ role, epoch, issuedAt, seconds }, this.#newUnique());
    const { wssUrl, iceServers, expiresAt } = await this.#channels.invite(channelNameOf(deviceId), clientId);
    return {
      wss_url: wssUrl,
      ice_servers: iceServers,
      client_id: clientId,
      expires_at: expiresAt.toISOString(),
    };
  }
}

function secondsBetween(issuedAt: number, end: Date): number {
  return Math.max(1, Math.min(maxLiveSeconds, Math.floor((end.getTime() - issuedAt) / 1_000)));
}
