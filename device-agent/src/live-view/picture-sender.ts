import type { AccessUnit } from '../camera/access-unit.ts';
import type { Clock } from '../host/clock.ts';
import type { GopCache } from './gop-cache.ts';
import { h264Payloads } from './rtp/h264-payloads.ts';
import { RtpStream } from './rtp/rtp-stream.ts';
import { RtpTimeline } from './rtp/rtp-timeline.ts';
import { SendQueue } from './send-queue.ts';

/** A cached start and what comes meanwhile: 7 MB. */
const queueCapacity = 6_000;
/** Viewers repeat their request until a keyframe has come; one answer in this time is enough. */
const keyframeEveryMs = 500;

export interface PictureSenderOptions {
  gop: Pick<GopCache, 'pictures'>;
  clock: Pick<Clock, 'after' | 'monotonic'>;
  ssrc: number;
  payloadType: number;
  /** Below the given bound, not to be guessed. */
  randomBelow: (bound: number) => number;
  send: (packet: Buffer) => void;
  /** False where the camera makes keyframes on its own only. */
  requestKeyframe: () => boolean;
}

/** The camera's pictures on their way to one viewer: they begin with a keyframe, and so does what follows a gap. */
export class PictureSender {
  readonly #options: PictureSenderOptions;
  readonly #stream: RtpStream;
  readonly #timeline: RtpTimeline;
  readonly #queue: SendQueue;
  #connected = false;
  /** Whether the viewer has all it needs to decode the next picture. */
  #following = false;
  #answeredAt = Number.NEGATIVE_INFINITY;

  constructor(options: PictureSenderOptions) {
    const { ssrc, payloadType, randomBelow, clock, send } = options;
    this.#options = options;
    this.#stream = new RtpStream({ ssrc, payloadType, firstSequenceNumber: randomBelow(2 ** 16) });
    this.#timeline = new RtpTimeline(randomBelow(2 ** 32));
    this.#queue = new SendQueue({ clock, send, capacity: queueCapacity });
  }

  /** The viewer can receive: it gets what is kept at once. */
  begin(): void {
    if (this.#connected) return;
    this.#connected = true;
    this.#catchUp();
  }

  /** Nobody receives; `begin` starts again with a keyframe. */
  pause(): void {
    this.#connected = false;
    this.#following = false;
    this.#queue.clear();
  }

  stop(): void {
    this.pause();
    this.#queue.stop();
  }

  /** The next picture of the camera. */
  push(picture: AccessUnit): void {
    if (!this.#connected) return;
    if (!this.#following && !picture.keyframe) return;
    this.#following = this.#queue.push(
      this.#stream.packets(h264Payloads(picture.nalUnits), this.#timeline.live(picture.timestampMs)),
    );
    // The uplink does not carry it. What waits is old: the next keyframe is the next thing worth sending.
    if (!this.#following) this.#queue.clear();
  }

  /** The viewer lost a picture: a new keyframe if the camera can make one, else the last one and what followed it. */
  onKeyframeRequest(): void {
    const now = this.#options.clock.monotonic();
    if (!this.#connected || now - this.#answeredAt < keyframeEveryMs) return;
    this.#answeredAt = now;
    if (!this.#options.requestKeyframe()) this.#catchUp();
  }

  #catchUp(): void {
    this.#answeredAt = this.#options.clock.monotonic();
    const { pictures } = this.#options.gop;
    if (pictures.length === 0) return;
    this.#queue.clear();
    this.#following = pictures.every(({ nalUnits }) =>
      this.#queue.push(this.#stream.packets(h264Payloads(nalUnits), this.#timeline.kept())),
    );
  }
}
