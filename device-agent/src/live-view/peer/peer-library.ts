import type { H264Format } from '../sdp/session-offer.ts';

/** As `RTCIceServer` (W3C WebRTC, section 4.2.4). */
export interface IceServer {
  urls: readonly string[];
  username?: string;
  credential?: string;
}

/** As `RTCIceCandidateInit` (W3C WebRTC, section 4.8.1). */
export interface IceCandidate {
  /** `candidate:…`; empty at the end of the candidates. */
  candidate: string;
  sdpMid?: string | null | undefined;
  sdpMLineIndex?: number | null | undefined;
}

export interface PeerEvents {
  onCandidate(candidate: IceCandidate): void;
  /** Packets can be sent; again when the connection was broken and is mended. */
  onConnected(): void;
  /** No answer from the viewer at the moment; either it connects again or it stays away. */
  onDisconnected(): void;
  /** The viewer left, or the connection failed for good. Not after `close`. */
  onClosed(): void;
  /** A Picture Loss Indication or Full Intra Request. */
  onKeyframeRequest(): void;
  /** Text on a data channel that the viewer opened; `reply` answers on the same. */
  onMessage(text: string, reply: (text: string) => void): void;
}

export interface PeerOptions {
  /** A viewer's offer with the chosen format and no other; see `narrowOffer`. */
  offer: string;
  format: H264Format;
  ssrc: number;
  iceServers: readonly IceServer[];
  /** The one address to use; default all of the machine's. */
  bindAddress?: string | undefined;
  events: PeerEvents;
}

/** One viewer's connection. */
export interface Peer {
  /** The answer to the offer, without waiting for candidates. Called once. Rejects when the offer cannot be answered. */
  answer(): Promise<string>;
  /** One that cannot be used is left out. */
  addCandidate(candidate: IceCandidate): void;
  /** A whole RTP packet of the SSRC and payload type of the options; lost while not connected. */
  sendRtp(packet: Buffer): void;
  /** Whether the pictures go through a TURN relay at the moment. */
  readonly relayed: boolean;
  /** Resolves when nothing of it is left. May be called twice. */
  close(): Promise<void>;
}

/** What makes connections: the one place where a WebRTC library is known. */
export interface PeerLibrary {
  readonly name: string;
  open(options: PeerOptions): Peer;
  /** Ends what the library runs beside its peers, which have been closed. */
  stop(): void;
}
