import { rangeProblem, type VideoRange } from '../video/video-range.ts';

/** What GetImages takes. */
const longestMs = 300_000;

export type RangeReading = { ok: true; range: VideoRange } | { ok: false; problem: string };

/** The range that was asked for, ISO 8601; 5 minutes where an end of it is left open. */
export function readSummaryRange(
  asked: { start?: string | undefined; end?: string | undefined },
  now: Date,
): RangeReading {
  const range = closed(asked, now);
  const problem = rangeProblem(range, now, { ms: longestMs, words: '5 minutes' });
  if (problem !== undefined) return { ok: false, problem };
  return { ok: true, range: { start: range.start, end: range.end > now ? now : range.end } };
}

function closed(
  { start, end }: { start?: string | undefined; end?: string | undefined },
  now: Date,
): VideoRange {
  const after = (time: Date, ms: number): Date => new Date(time.getTime() + ms);
  if (start !== undefined) {
    const from = new Date(start);
    return { start: from, end: end === undefined ? after(from, longestMs) : new Date(end) };
  }
  const until = end === undefined ? now : new Date(end);
  return { start: after(until, -longestMs), end: until };
}
