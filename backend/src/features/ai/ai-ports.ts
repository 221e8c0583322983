import type { VideoRange } from '../video/video-range.ts';

export interface ThumbnailRequest {
  /** At most 300 s long. */
  range: VideoRange;
  /** Pictures at most, evenly spread over the range. */
  count: number;
  heightPixels: number;
  /** Larger pictures are left out. */
  maxBytes: number;
}

/** Still pictures out of stored video. */
export interface Thumbnails {
  /**
   * JPEGs in order of time; fewer than asked for where there is no video.
   * @throws AppError stream_not_available, service_unavailable
   */
  take(stream: string, request: ThumbnailRequest, signal: AbortSignal): Promise<Uint8Array[]>;
}

export interface VisionQuestion {
  /** What the model is, and what it must not do. */
  instructions: string;
  question: string;
  /** JPEGs. */
  images: readonly Uint8Array[];
  maxOutputTokens: number;
}

export interface VisionAnswer {
  /** As the model wrote it: not to be trusted. */
  text: string;
  inputTokens: number;
  outputTokens: number;
}

/** A model that looks at pictures. */
export interface VisionModel {
  /** @throws AppError service_unavailable */
  ask(question: VisionQuestion, signal: AbortSignal): Promise<VisionAnswer>;
}

/** Whether a user agreed that pictures are looked at by a model. */
export interface AiConsent {
  given(userId: string): Promise<boolean>;
}

/** Counts uses by key within a day, for all instances together. */
export interface DailyUses {
  /** Counts one more. */
  increment(key: string): Promise<{ totalHits: number; resetTime: Date | undefined }>;
  /** Takes one back. */
  decrement(key: string): Promise<void>;
}
