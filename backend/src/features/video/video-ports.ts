import type { Playback } from './stream-request.ts';

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
