import type { Clock } from '../kernel/clock.ts';
import { TokenBucket } from '../kernel/token-bucket.ts';
import { clientLimitExceeded } from './errors.ts';

/** Calls a second and stream that the service takes (Kinesis Video Streams quotas, "API calls"). */
const callsPerSecond = {
  PutMedia: 5,
  GetMedia: 5,
  GetDataEndpoint: 5,
  ListFragments: 5,
  GetMediaForFragmentList: 5,
  GetHLSStreamingSessionURL: 25,
  GetClip: 5,
} as const;
export type LimitedCall = keyof typeof callsPerSecond;

/** Refuses calls above the quotas of a stream with ClientLimitExceededException. */
export class Quotas {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, TokenBucket>();
  /** Can be switched off, for tests that are about something else. */
  enforced = true;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(call: LimitedCall, streamName: string): void {
    if (!this.enforced) return;
    const key = `${call} ${streamName}`;
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#clock, callsPerSecond[call]);
      this.#buckets.set(key, bucket);
    }
    if (!bucket.tryTake())
      throw clientLimitExceeded(
        `${call} is limited to ${callsPerSecond[call]} calls a second for stream ${streamName}`,
      );
  }
}
