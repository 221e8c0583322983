import { describe, expect, it } from '@jest/globals';
import { readSummaryRange } from './summary-range.ts';

const at = (time: string): Date => new Date(`2026-03-02T${time}Z`);
const iso = (time: string): string => `2026-03-02T${time}Z`;
const now = at('12:00:00');

describe('the range of a summary', () => {
  it.each([
    [{}, '11:55:00', '12:00:00'],
    [{ start: iso('10:00:00') }, '10:00:00', '10:05:00'],
    [{ start: iso('11:58:00') }, '11:58:00', '12:00:00'],
    [{ end: iso('10:00:00') }, '09:55:00', '10:00:00'],
    [{ start: iso('10:00:00'), end: iso('10:00:30') }, '10:00:00', '10:00:30'],
    [{ start: iso('11:59:00'), end: iso('12:01:00') }, '11:59:00', '12:00:00'],
  ])('%j is from %s to %s', (asked, start, end) => {
    expect(readSummaryRange(asked, now)).toEqual({ ok: true, range: { start: at(start), end: at(end) } });
  });

  it.each([
    [{ start: iso('12:00:00') }, /past/],
    [{ start: iso('10:00:00'), end: iso('10:00:00') }, /after start/],
    [{ start: iso('10:00:00'), end: iso('10:05:01') }, /5 minutes/],
  ])('%j is none', (asked, problem) => {
    expect(readSummaryRange(asked, now)).toEqual({ ok: false, problem: expect.stringMatching(problem) });
  });
});
