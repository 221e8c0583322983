import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';

export interface UplinkSample {
  /** A connection carries fragments. */
  connected: boolean;
  /** How much video waits for its PERSISTED, in milliseconds of video. */
  behindMs: number;
  /** What went out lately. */
  sentBps: number;
}

export interface BitrateControllerOptions {
  clock: Clock;
  logger: Logger;
  /** The encoder is to deliver so many bits a second from now on. It costs a moment without pictures. */
  onChange: (bitrateBps: number) => void;
}

/** A fragment or two wait always; so much is a queue. */
const queueMs = 8_000;
const noQueueMs = 4_000;
/** Over so long a queue has to become shorter, or the uplink carries less than the camera delivers. */
const judgeOverMs = 8_000;
const mustShrinkMs = 1_000;
/** After a change the queue needs time to show it. */
const settleMs = 15_000;
/** Without a queue for so long more is tried; longer each time that it proves too much. */
const raiseAfterMs = 60_000;
const maxRaiseAfterMs = 15 * 60_000;
const lowerBy = 0.7;
const raiseBy = 1.3;
/** Of what went out: some must be left for the queue. */
const carriedShare = 0.8;
const floorShare = 1 / 8;
const floorBps = 64_000;

/**
 * Lowers the bitrate of an encoder while the uplink carries less than it delivers, and raises it again, carefully, up to what is
 * wished. A lost connection is no slow one: what it left waiting goes out quickly when it is back.
 */
export class BitrateController {
  readonly #options: BitrateControllerOptions;
  #targetBps: number | undefined;
  #currentBps = 0;
  #samples: { at: number; behindMs: number }[] = [];
  #settledAt = Number.NEGATIVE_INFINITY;
  #freeSince: number | undefined;
  #raiseAfterMs = raiseAfterMs;
  #raisedAt = Number.NEGATIVE_INFINITY;

  constructor(options: BitrateControllerOptions) {
    this.#options = options;
  }

  /** What is wished, bits a second; undefined leaves the encoder alone. What was learnt of the uplink is forgotten. */
  setTarget(bitrateBps: number | undefined): void {
    this.#targetBps = bitrateBps;
    this.#currentBps = bitrateBps ?? 0;
    this.#samples = [];
    this.#freeSince = undefined;
    this.#raiseAfterMs = raiseAfterMs;
  }

  /** To be called about once a second. */
  sample({ connected, behindMs, sentBps }: UplinkSample): void {
    const now = this.#options.clock.monotonic();
    if (this.#targetBps === undefined) return;
    if (!connected) {
      this.#samples = [];
      this.#freeSince = undefined;
      return;
    }
    this.#samples = [...this.#samples, { at: now, behindMs }].filter(({ at }) => at >= now - judgeOverMs);
    this.#freeSince = behindMs < noQueueMs ? (this.#freeSince ?? now) : undefined;
    if (now < this.#settledAt) return;
    if (this.#isTooMuch(now, behindMs)) this.#lower(now, sentBps);
    else if (this.#freeSince !== undefined && now - this.#freeSince >= this.#raiseAfterMs) this.#raise(now);
  }

  #isTooMuch(now: number, behindMs: number): boolean {
    const [oldest] = this.#samples;
    return (
      behindMs > queueMs &&
      oldest !== undefined &&
      now - oldest.at >= judgeOverMs - 1_000 &&
      behindMs > oldest.behindMs - mustShrinkMs
    );
  }

  #lower(now: number, sentBps: number): void {
    if (now - this.#raisedAt < raiseAfterMs)
      this.#raiseAfterMs = Math.min(maxRaiseAfterMs, this.#raiseAfterMs * 2);
    const carried = sentBps > 0 ? sentBps * carriedShare : Number.POSITIVE_INFINITY;
    this.#change(now, Math.min(this.#currentBps * lowerBy, carried));
  }

  #raise(now: number): void {
    this.#raisedAt = now;
    this.#change(now, this.#currentBps * raiseBy);
  }

  #change(now: number, wantedBps: number): void {
    const targetBps = this.#targetBps ?? 0;
    const floor = Math.min(targetBps, Math.max(floorBps, targetBps * floorShare));
    const bitrateBps = Math.round(Math.min(targetBps, Math.max(floor, wantedBps)));
    this.#settledAt = now + settleMs;
    this.#freeSince = undefined;
    this.#samples = [];
    if (bitrateBps === this.#currentBps) return;
    const change = bitrateBps < this.#currentBps ? 'lowered' : 'raised';
    this.#options.logger.info(
      { from: this.#currentBps, to: bitrateBps },
      `The bitrate is ${change}: ${change === 'lowered' ? 'the uplink carries less than the camera delivers' : 'the uplink seems to carry more'}.`,
    );
    this.#currentBps = bitrateBps;
    this.#options.onChange(bitrateBps);
  }
}
