import { describe, expect, it } from '@jest/globals';
import { ownedPart, rangeProblem } from './video-range.ts';

const at = (time: string): Date => new Date(`2026-03-02T${time}Z`);
const range = (start: string, end: string) => ({ start: at(start), end: at(end) });
const now = at('12:00:00');

describe('a range', () => {
  it.each([
    [range('11:00:00', '12:30:00'), undefined],
    [range('12:00:00', '12:30:00'), 'start must lie in the past'],
    [range('11:00:00', '11:00:00'), 'end must be after start'],
    [range('11:00:00', '10:00:00'), 'end must be after start'],
    [{ start: new Date('2026-03-01T10:00:00Z'), end: at('10:00:00') }, undefined],
    [{ start: new Date('2026-03-01T09:59:59Z'), end: at('10:00:00') }, 'the range may span at most 24 hours'],
  ])('%j: %s', (asked, problem) => {
    expect(rangeProblem(asked, now)).toBe(problem);
  });

  it('may be held shorter', () => {
    const minute = { ms: 60_000, words: 'a minute' };
    expect(rangeProblem(range('11:00:00', '11:01:00'), now, minute)).toBeUndefined();
    expect(rangeProblem(range('11:00:00', '11:01:01'), now, minute)).toBe(
      'the range may span at most a minute',
    );
  });
});

describe('the part of a range in an ownership', () => {
  const asked = range('10:00:00', '11:00:00');

  it('is all of it, or begins with the ownership', () => {
    expect(ownedPart(asked, at('09:00:00'))).toEqual(asked);
    expect(ownedPart(asked, at('10:30:00'))).toEqual(range('10:30:00', '11:00:00'));
  });

  it('may be nothing', () => {
    expect(() => ownedPart(asked, at('11:00:00'))).toThrow(
      expect.objectContaining({ code: 'stream_not_available' }),
    );
  });
});
