/** What a range holds. */
export interface ClipSize {
  fragments: number;
  bytes: number;
}

/** GetClip keeps silent about what lies beyond these (Kinesis Video Streams API Reference, GetClip). */
export const clipLimits = { fragments: 200, bytes: 100_000_000 } as const satisfies ClipSize;

/** Why a range is too long for a clip, in words; undefined when it fits. */
export function clipProblem({ fragments, bytes }: ClipSize): string | undefined {
  if (fragments > clipLimits.fragments)
    return `a clip holds at most ${clipLimits.fragments} fragments of video, and this range holds more; choose a shorter one`;
  if (bytes > clipLimits.bytes)
    return `a clip holds at most ${clipLimits.bytes / 1_000_000} MB, and this range holds more; choose a shorter one`;
  return undefined;
}
