import type { AccessUnit } from './access-unit.ts';
import type { AudioFrame } from './audio-frame.ts';

/** A way to get H.264 pictures: a clip, an ffmpeg child process. It runs when told; `Camera` decides when. */
export interface CameraSource {
  /** What is shown in `status` and in the shadow, such as `v4l2:/dev/video0`; without passwords. */
  readonly name: string;
  /**
   * Delivers pictures in real time until `signal` is aborted (then it resolves), the source ends (resolves too) or
   * fails (rejects with a sentence that says what to do). When it settles, nothing of it is left running.
   */
  capture(
    signal: AbortSignal,
    onAccessUnit: (accessUnit: AccessUnit) => void,
    onAudioFrame?: (frame: AudioFrame) => void,
  ): Promise<void>;
  /** Makes the next picture a keyframe, where the source can. */
  requestKeyframe?(): void;
}

/** What is wished of a source that encodes; sources that only pass on what a camera encodes take what they get. */
export interface CaptureSettings {
  width: number;
  height: number;
  fps: number;
  bitrateBps: number;
  /** Seconds from keyframe to keyframe: the length of a fragment. */
  gopSeconds: number;
}
