import { expect, it } from '@jest/globals';
import { bucketedRange, isEmpty, reportRange } from './report-range.ts';

const ownedSince = new Date('2026-03-01T00:00:00Z');
const now = new Date('2026-06-01T00:00:00Z');
const instants = ({ from, to }: { from: Date; to: Date }): string[] => [from.toISOString(), to.toISOString()];

it.each([
  [{}, '2026-03-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z'],
  [{ from: '2026-02-01T00:00:00Z' }, '2026-03-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z'],
  [
    { from: '2026-04-01T02:00:00+02:00', to: '2026-04-02T00:00:00Z' },
    '2026-04-01T00:00:00.000Z',
    '2026-04-02T00:00:00.000Z',
  ],
])('shows of %j what is the owner’s', (asked, from, to) => {
  expect(instants(reportRange(asked, ownedSince))).toEqual([from, to]);
});

it('is empty where all of it was somebody else’s', () => {
  expect(isEmpty(reportRange({ to: '2026-02-01T00:00:00Z' }, ownedSince))).toBe(true);
  expect(isEmpty(reportRange({}, ownedSince))).toBe(false);
});

it('refuses an end before the beginning', () => {
  const asked = { from: '2026-04-01T00:00:00Z', to: '2026-04-01T00:00:00Z' };
  expect(() => reportRange(asked, ownedSince)).toThrow(expect.objectContaining({ code: 'invalid_range' }));
});

it.each([
  [{}, '2026-05-01T00:00:00.000Z', '2026-06-01T00:00:00.000Z'],
  [{ to: '2026-03-10T00:00:00Z' }, '2026-03-01T00:00:00.000Z', '2026-03-10T00:00:00.000Z'],
  [
    { from: '2026-04-01T00:00:00Z', to: '2026-05-02T00:00:00Z' },
    '2026-04-01T00:00:00.000Z',
    '2026-05-02T00:00:00.000Z',
  ],
])('adds up %j', (asked, from, to) => {
  expect(instants(bucketedRange(asked, ownedSince, now))).toEqual([from, to]);
});

it.each([
  { from: '2026-03-15T00:00:00Z', to: '2026-05-01T00:00:00Z' },
  { from: '2026-04-01T00:00:00Z' },
  { from: '2026-07-01T00:00:00Z' },
])('refuses to add up %j', (asked) => {
  expect(() => bucketedRange(asked, ownedSince, now)).toThrow(
    expect.objectContaining({ code: 'invalid_range' }),
  );
});
