import { streamNameOf } from '@aovis/contracts/ids';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { DeviceAccess } from '../devices/device-access.ts';
import { type Playback, readPlayback, type StreamQuery } from './stream-request.ts';
import type { HlsSessions } from './video-ports.ts';
import { ownedPart } from './video-range.ts';

/**
 * How long a URL plays. It needs no further authentication and outlives a release of the device, so it is short; a
 * player that goes on longer asks again.
 */
const urlSeconds = 900;
/** The service makes none shorter; by so much it may outlive a share. */
const shortestUrlSeconds = 300;

export interface StreamDependencies {
  access: DeviceAccess;
  sessions: HlsSessions;
  clock: Clock;
}

/** Playback of a device's video. */
export class StreamService {
  readonly #access: DeviceAccess;
  readonly #sessions: HlsSessions;
  readonly #clock: Clock;

  constructor({ access, sessions, clock }: StreamDependencies) {
    this.#access = access;
    this.#sessions = sessions;
    this.#clock = clock;
  }

  /** @throws AppError device_not_found, entitlement_required, invalid_range, stream_not_available, service_unavailable */
  async open(userId: string, deviceId: string, query: StreamQuery) {
    const device = await this.#access.assertDeviceServiceAccess(userId, deviceId, 'cloud_playback', {
      minimum: 'viewer',
    });
    const now = this.#clock.now();
    const reading = readPlayback(query, now);
    if (!reading.ok) throw new AppError('invalid_range', { details: { problem: reading.problem } });
    const playback = sinceOwned(reading.playback, device.ownedSince);
    const seconds = urlSecondsUntil(device.viewableUntil, now);
    const url = await this.#sessions.open(streamNameOf(deviceId), playback, seconds);
    const expiresAt = new Date(now.getTime() + seconds * 1000);
    return { protocol: 'hls' as const, url, expires_at: expiresAt.toISOString() };
  }
}

/** An earlier owner's recordings are not the present one's to see. */
function sinceOwned(playback: Playback, ownedSince: Date): Playback {
  if (playback.mode === 'live') return playback;
  if (playback.mode === 'on_demand') return { ...playback, ...ownedPart(playback, ownedSince) };
  if (playback.end !== undefined)
    return { ...playback, ...ownedPart({ ...playback, end: playback.end }, ownedSince) };
  return playback.start >= ownedSince ? playback : { ...playback, start: ownedSince };
}

function urlSecondsUntil(end: Date | undefined, now: Date): number {
  if (end === undefined) return urlSeconds;
  const leftSeconds = Math.floor((end.getTime() - now.getTime()) / 1000);
  return Math.max(shortestUrlSeconds, Math.min(urlSeconds, leftSeconds));
}
