import type { Readable } from 'node:stream';
import type { ClipSize } from './clip-rules.ts';
import type { Playback } from './stream-request.ts';
import type { VideoRange } from './video-range.ts';

/** Where boards' video is kept. */
export interface VideoStreams {
  /**
   * Makes the stream with at least this retention when it is missing; safe to repeat.
   * @throws AppError service_unavailable, also while the stream is being made: try again
   */
  ensureStream(stream: string, retentionHours: number): Promise<void>;
}

/** Opens playback sessions on stored video. */
export interface HlsSessions {
  /**
   * The URL of a master playlist that plays for `expiresSeconds` (300 to 43,200) without further authentication.
   * @throws AppError stream_not_available, service_unavailable
   */
  open(stream: string, playback: Playback, expiresSeconds: number): Promise<string>;
}

/** Recordings as files. */
export interface Clips {
  /**
   * How much video begins in the range. Counts no further than to know that it is more than `limits`.
   * @throws AppError stream_not_available, service_unavailable
   */
  measure(stream: string, range: VideoRange, limits: ClipSize): Promise<ClipSize>;
  /**
   * The range as MP4, as it arrives. Ends when it is destroyed or `signal` is aborted.
   * @throws AppError stream_not_available, service_unavailable
   */
  open(stream: string, range: VideoRange, signal: AbortSignal): Promise<Readable>;
}

export interface IceServer {
  urls: string[];
  username?: string;
  credential?: string;
}

/** All that a WebRTC viewer needs; the URL carries its own short-lived authorization. */
export interface LiveInvitation {
  /** WebSocket of the signaling channel, for this client id in the role of a viewer and for nothing else. */
  wssUrl: string;
  iceServers: IceServer[];
  /** When the URL or the relays' passwords stop working, whichever is first. Sessions that began go on. */
  expiresAt: Date;
}

/** Where boards and viewers find each other for live view. */
export interface LiveChannels {
  /** Makes the channel when it is missing; safe to repeat. @throws AppError service_unavailable */
  ensureChannel(channel: string): Promise<void>;
  /** Makes the channel when it is missing. @throws AppError service_unavailable */
  invite(channel: string, clientId: string): Promise<LiveInvitation>;
}
