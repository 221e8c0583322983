import { maxBucketedDays } from '@aovis/contracts/http/reports';
import { AppError } from '../../kernel/errors.ts';

/** From the first instant that counts to the first that does not. */
export interface ReportRange {
  from: Date;
  to: Date;
}

export interface AskedRange {
  from?: string | undefined;
  to?: string | undefined;
}

/** Boards may have wrong clocks; what lies beyond the year 9999 has no common way of writing. */
const endOfTime = new Date('9999-12-31T23:59:59.999Z');

/**
 * The part of an asked range that may be seen: from the present ownership on.
 * @throws AppError invalid_range when it ends before it begins
 */
export function reportRange(asked: AskedRange, ownedSince: Date): ReportRange {
  const from = asked.from === undefined ? ownedSince : new Date(asked.from);
  const to = asked.to === undefined ? endOfTime : new Date(asked.to);
  if (asked.from !== undefined && asked.to !== undefined && from >= to) throw new AppError('invalid_range');
  return { from: later(from, ownedSince), to };
}

const dayMs = 86_400_000;

/**
 * As `reportRange`, for what is added up: that may reach `maxBucketedDays` far, by default until now.
 * @throws AppError invalid_range
 */
export function bucketedRange(asked: AskedRange, ownedSince: Date, now: Date): ReportRange {
  const to = asked.to === undefined ? now : new Date(asked.to);
  const earliest = new Date(Math.max(to.getTime() - maxBucketedDays * dayMs, 0));
  const range = reportRange({ from: asked.from ?? earliest.toISOString(), to: to.toISOString() }, ownedSince);
  if (range.to.getTime() - range.from.getTime() > maxBucketedDays * dayMs)
    throw new AppError('invalid_range', { details: { max_days: maxBucketedDays } });
  return range;
}

export function isEmpty({ from, to }: ReportRange): boolean {
  return from >= to;
}

function later(one: Date, other: Date): Date {
  return one > other ? one : other;
}
