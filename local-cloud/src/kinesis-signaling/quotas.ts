import type { Clock } from '../kernel/clock.ts';
import type { Faults } from '../kernel/faults.ts';
import { TokenBucket } from '../kernel/token-bucket.ts';
import { clientLimitExceeded } from '../kinesis-video/errors.ts';

/** Calls a second and channel (WebRTC Developer Guide, "Service quotas"). */
const callsPerSecond = {
  DescribeSignalingChannel: 5,
  UpdateSignalingChannel: 5,
  DeleteSignalingChannel: 5,
  GetIceServerConfig: 5,
  ConnectAsMaster: 3,
  ConnectAsViewer: 3,
} as const;
export type LimitedCall = keyof typeof callsPerSecond;

/** Refuses calls above the quotas of a channel with ClientLimitExceededException. */
export class ChannelQuotas {
  readonly #clock: Clock;
  readonly #faults: Faults;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(clock: Clock, faults: Faults) {
    this.#clock = clock;
    this.#faults = faults;
  }

  take(call: LimitedCall, channelName: string): void {
    if (!this.#faults.throttling) return;
    const key = `${call} ${channelName}`;
    const perSecond = callsPerSecond[call];
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#clock, perSecond);
    this.#buckets.set(key, bucket);
    if (!bucket.tryTake())
      throw clientLimitExceeded(
        `${call} is limited to ${perSecond} calls a second for channel ${channelName}`,
      );
  }

  forget(): void {
    this.#buckets.clear();
  }
}
