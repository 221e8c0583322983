import type { Readable } from 'node:stream';
import { streamNameOf } from '@aovis/contracts/ids';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { DeviceAccess } from '../devices/device-access.ts';
import { clipLimits, clipProblem } from './clip-rules.ts';
import type { Clips } from './video-ports.ts';
import { ownedPart, rangeProblem, type VideoRange } from './video-range.ts';

export interface Clip {
  /** ASCII, fit for any file system. */
  fileName: string;
  video: Readable;
}

/** Recordings to keep, as files. */
export class ClipService {
  readonly #access: DeviceAccess;
  readonly #clips: Clips;
  readonly #clock: Clock;

  constructor({ access, clips, clock }: { access: DeviceAccess; clips: Clips; clock: Clock }) {
    this.#access = access;
    this.#clips = clips;
    this.#clock = clock;
  }

  /**
   * The video of a range. What does not fit into one clip is refused: the service would leave the rest out and say
   * nothing. `signal` ends the work when nobody waits for it any more.
   * @throws AppError device_not_found, entitlement_required, invalid_range, stream_not_available, service_unavailable
   */
  async open(userId: string, deviceId: string, asked: VideoRange, signal: AbortSignal): Promise<Clip> {
    const device = await this.#access.assertDeviceServiceAccess(userId, deviceId, 'cloud_playback', {
      minimum: 'viewer',
    });
    refuse(rangeProblem(asked, this.#clock.now()));
    const range = ownedPart(asked, device.ownedSince);
    const stream = streamNameOf(deviceId);
    const size = await this.#clips.measure(stream, range, clipLimits);
    if (size.fragments === 0) throw new AppError('stream_not_available');
    refuse(clipProblem(size));
    const video = await this.#clips.open(stream, range, signal);
    return { fileName: fileNameOf(deviceId, range.start), video };
  }
}

function refuse(problem: string | undefined): void {
  if (problem !== undefined) throw new AppError('invalid_range', { details: { problem } });
}

/** `aovis-n4k-000123_2026-11-20T10-00-00Z.mp4`: colons are not for every file system. */
function fileNameOf(deviceId: string, start: Date): string {
  const time = start
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-');
  return `${deviceId}_${time}.mp4`;
}
