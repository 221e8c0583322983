import { maxLiveSeconds } from '@aovis/contracts/live-view';
import type { AccessUnit } from '../camera/access-unit.ts';
import type { Clock } from '../host/clock.ts';
import type { GopCache } from './gop-cache.ts';
import type { IceCandidate, IceServer, Peer, PeerLibrary } from './peer/peer-library.ts';
import { PictureSender } from './picture-sender.ts';
import type { H264Format } from './sdp/session-offer.ts';

/** From the offer to the first packet; a viewer that has not come through by then will not. */
const connectWithinMs = 30_000;
/** A phone between two networks gets so long to find its way back. */
const mendWithinMs = 15_000;

export interface ViewerOptions {
  clientId: string;
  /** Then it needs a new invitation, which is not given to whom the camera is no longer shown. */
  seconds: number;
  library: PeerLibrary;
  offer: string;
  format: H264Format;
  iceServers: readonly IceServer[];
  bindAddress?: string | undefined;
  gop: Pick<GopCache, 'pictures'>;
  clock: Clock;
  randomBelow: (bound: number) => number;
  requestKeyframe: () => boolean;
  onCandidate: (candidate: IceCandidate) => void;
  onMessage: (text: string, reply: (text: string) => void) => void;
  onConnected: () => void;
  /** It left, or never came. Once; not after `close`. */
  onGone: (why: string) => void;
}

/** One viewer: its connection, and the pictures on the way to it. */
export class Viewer {
  readonly clientId: string;
  readonly #options: ViewerOptions;
  readonly #peer: Peer;
  readonly #pictures: PictureSender;
  #cancelDeadline: () => void;
  readonly #cancelSession: () => void;
  /** Until the answer is out: candidates for a description that is not there yet would be lost. */
  #heldCandidates: IceCandidate[] | undefined = [];
  #ended = false;

  constructor(options: ViewerOptions) {
    const { clock, gop, randomBelow, format, requestKeyframe } = options;
    this.clientId = options.clientId;
    this.#options = options;
    const ssrc = 1 + randomBelow(2 ** 32 - 1);
    this.#peer = this.#open(ssrc);
    this.#pictures = new PictureSender({
      gop,
      clock,
      ssrc,
      payloadType: format.payloadType,
      randomBelow,
      send: (packet) => this.#peer.sendRtp(packet),
      requestKeyframe,
    });
    this.#cancelDeadline = this.#within(connectWithinMs, 'it did not connect in time');
    this.#cancelSession = this.#within(Math.min(options.seconds, maxLiveSeconds) * 1_000, 'its time is over');
  }

  /** Rejects when the offer cannot be answered. */
  answer(): Promise<string> {
    return this.#peer.answer();
  }

  /** The answer is on its way: candidates may follow. */
  answered(): void {
    const held = this.#heldCandidates ?? [];
    this.#heldCandidates = undefined;
    for (const candidate of held) this.#options.onCandidate(candidate);
  }

  addCandidate(candidate: IceCandidate): void {
    this.#peer.addCandidate(candidate);
  }

  push(picture: AccessUnit): void {
    this.#pictures.push(picture);
  }

  /** Whether it is seen through a relay, which may be going away. */
  get relayed(): boolean {
    return this.#peer.relayed;
  }

  /** May be called twice. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#cancelDeadline();
    this.#cancelSession();
    this.#pictures.stop();
    await this.#peer.close();
  }

  #open(ssrc: number): Peer {
    const { library, offer, format, iceServers, bindAddress, onCandidate, onMessage } = this.#options;
    return library.open({
      offer,
      format,
      ssrc,
      iceServers,
      bindAddress,
      events: {
        onCandidate: (candidate) => {
          if (this.#heldCandidates === undefined) onCandidate(candidate);
          else this.#heldCandidates.push(candidate);
        },
        onConnected: () => this.#onConnected(),
        onDisconnected: () => this.#onDisconnected(),
        onClosed: () => this.#gone('it left'),
        onKeyframeRequest: () => this.#pictures.onKeyframeRequest(),
        onMessage,
      },
    });
  }

  #onConnected(): void {
    if (this.#ended) return;
    this.#cancelDeadline();
    this.#pictures.begin();
    this.#options.onConnected();
  }

  #onDisconnected(): void {
    if (this.#ended) return;
    this.#cancelDeadline();
    this.#cancelDeadline = this.#within(mendWithinMs, 'its connection broke');
  }

  #within(ms: number, why: string): () => void {
    return this.#options.clock.after(ms, () => this.#gone(why));
  }

  #gone(why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onGone(why);
  }
}
