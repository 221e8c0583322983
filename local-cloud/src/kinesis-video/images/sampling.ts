import { invalidArgument } from '../errors.ts';
import type { Fragment } from '../fragment.ts';
import { type TimestampKind, timeOf } from '../stream-media.ts';

/** Images in one answer (GetImages, MaxResults). */
export const maxPageSize = 25;
/** Between fragments that follow one another; HLS calls more than this a discontinuity. */
const allowedGapMs = 50;

export interface Sampling {
  startMs: number;
  endMs: number;
  intervalMs: number;
}

/** The times of one page, and where the next one begins; `from` is a time that an earlier page gave. */
export function samplePage(
  { startMs, endMs, intervalMs }: Sampling,
  pageSize: number,
  from: number | undefined,
): { times: number[]; next: number | undefined } {
  const first = from ?? startMs;
  if (first < startMs || first > endMs || (first - startMs) % intervalMs !== 0)
    throw invalidArgument('NextToken is not one that GetImages gave for this range and interval.');
  const count = Math.min(pageSize, Math.floor((endMs - first) / intervalMs) + 1);
  const next = first + count * intervalMs;
  return {
    times: Array.from({ length: count }, (_, i) => first + i * intervalMs),
    next: next <= endMs ? next : undefined,
  };
}

/** The fragment that plays at a time. `fragments` are in time order. */
export function fragmentAt(
  kind: TimestampKind,
  fragments: readonly Fragment[],
  timeMs: number,
): Fragment | undefined {
  const time = timeOf(kind);
  const found = fragments.findLast((fragment) => time(fragment) <= timeMs);
  if (found === undefined) return undefined;
  return timeMs <= time(found) + found.lengthMs + allowedGapMs ? found : undefined;
}

/** The number, in order of presentation, of the frame that is shown `offsetMs` behind the fragment's start. */
export function frameAt(frameOffsetsMs: readonly number[], offsetMs: number): number {
  const shown = frameOffsetsMs.filter((frameOffsetMs) => frameOffsetMs <= offsetMs).length;
  return Math.max(0, shown - 1);
}
