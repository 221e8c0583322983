import { expect, it } from '@jest/globals';
import { readPlayback } from './stream-request.ts';

const now = new Date('2026-03-02T12:00:00Z');
const start = '2026-03-02T10:00:00Z';
const end = '2026-03-02T11:00:00+00:00';

it.each([
  [{ mode: 'live' }, { mode: 'live' }],
  [
    { mode: 'replay', start },
    { mode: 'replay', start: new Date(start) },
  ],
  [
    { mode: 'replay', start, end },
    { mode: 'replay', start: new Date(start), end: new Date(end) },
  ],
  [
    { mode: 'on_demand', start, end },
    { mode: 'on_demand', start: new Date(start), end: new Date(end) },
  ],
] as const)('reads %j', (query, playback) => {
  expect(readPlayback(query, now)).toEqual({ ok: true, playback });
});

it.each([
  [{ mode: 'live', start }, /neither/],
  [{ mode: 'live', end }, /neither/],
  [{ mode: 'replay' }, /needs start/],
  [{ mode: 'replay', end }, /needs start/],
  [{ mode: 'replay', start: '2026-03-02T12:00:00Z' }, /past/],
  [{ mode: 'replay', start: '2026-03-01T11:00:00Z' }, /24 hours/],
  [{ mode: 'on_demand', start }, /start and end/],
  [{ mode: 'on_demand', start, end: start }, /after start/],
  [{ mode: 'on_demand', start: end, end: start }, /after start/],
  [{ mode: 'on_demand', start: '2026-03-01T09:59:59Z', end: '2026-03-02T10:00:00Z' }, /24 hours/],
] as const)('refuses %j', (query, problem) => {
  const reading = readPlayback(query, now);
  expect(reading).toEqual({ ok: false, problem: expect.stringMatching(problem) });
});
