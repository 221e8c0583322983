import { AppError } from '../../kernel/errors.ts';

/** A closed range of the time at which pictures were taken. */
export interface VideoRange {
  start: Date;
  end: Date;
}

/** Kinesis Video takes an end within 24 hours after the start. */
const longestRangeMs = 24 * 3_600_000;

/** What is wrong with a range of recordings, in words; undefined when it can be asked for. */
export function rangeProblem(
  { start, end }: VideoRange,
  now: Date,
  longest: { ms: number; words: string } = { ms: longestRangeMs, words: '24 hours' },
): string | undefined {
  if (start >= now) return 'start must lie in the past';
  if (end <= start) return 'end must be after start';
  if (end.getTime() - start.getTime() > longest.ms) return `the range may span at most ${longest.words}`;
  return undefined;
}

/**
 * The part of a range that lies in the present ownership: an earlier owner's recordings are not the present one's to
 * see. A fragment belongs to a range when it begins in it, so none that began earlier comes along.
 * @throws AppError stream_not_available when nothing is left
 */
export function ownedPart({ start, end }: VideoRange, ownedSince: Date): VideoRange {
  if (end <= ownedSince) throw new AppError('stream_not_available');
  return { start: start < ownedSince ? ownedSince : start, end };
}
