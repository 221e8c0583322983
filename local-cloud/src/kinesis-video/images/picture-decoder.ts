import type { FragmentMedia } from '../fragment.ts';

export interface PictureRequest {
  media: FragmentMedia;
  /** Of the fragment's video, in order of presentation, from 0. */
  frame: number;
  format: 'JPEG' | 'PNG';
  /** 1 to 100, for JPEG. */
  quality: number;
  /** Pixels; without either the picture keeps its size, with the height alone its ratio. */
  width: number | undefined;
  height: number | undefined;
}

/** Turns one frame of stored video into a picture. */
export interface PictureDecoder {
  /** Undefined when the video cannot be decoded. */
  decode(request: PictureRequest, signal: AbortSignal): Promise<Buffer | undefined>;
}
