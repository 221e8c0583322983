import type { Frame } from '../fragment.ts';
import { aacFrameSamples, type Codec } from './codec.ts';

/** A frame in ticks of its track. */
export interface Sample {
  data: Buffer;
  keyframe: boolean;
  duration: number;
  /** Presentation against decoding; 0 without B-frames. */
  compositionOffset: number;
}

export interface SampleRun {
  /** Decoding time of the first sample. */
  startTicks: number;
  samples: Sample[];
}

/**
 * Frames of one fragment as samples; `startMs` is the time of the fragment, `lengthMs` that of its video. Matroska stores
 * presentation times only: decoding times are the same ones in order.
 */
export function samplesOf(
  codec: Codec,
  frames: readonly Frame[],
  startMs: number,
  lengthMs: number,
): SampleRun {
  const first = frames[0]?.offsetMs ?? 0;
  if (codec.kind === 'audio') {
    return {
      startTicks: Math.max(0, Math.round(((startMs + first) * codec.timescale) / 1000)),
      samples: frames.map(({ data }) => ({
        data,
        keyframe: true,
        duration: aacFrameSamples,
        compositionOffset: 0,
      })),
    };
  }
  const decodeTimes = frames.map(({ offsetMs }) => offsetMs).sort((a, b) => a - b);
  const start = decodeTimes[0] ?? 0;
  const end = Math.max(start + lengthMs, (decodeTimes.at(-1) ?? 0) + 1);
  return {
    startTicks: Math.max(0, Math.round(startMs + start)),
    samples: frames.map(({ data, keyframe, offsetMs }, i) => {
      const at = decodeTimes[i] ?? 0;
      return {
        data,
        keyframe,
        duration: Math.max(0, Math.round((decodeTimes[i + 1] ?? end) - at)),
        compositionOffset: Math.round(offsetMs - at),
      };
    }),
  };
}
