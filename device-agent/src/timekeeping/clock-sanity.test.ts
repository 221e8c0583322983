import { expect, it } from '@jest/globals';
import { checkClockAndValidity } from './clock-sanity.ts';

const at = (text: string): number => Date.parse(text);
const builtAt = at('2026-10-01T00:00:00Z');
const validity = { notBefore: new Date('2026-11-01T00:00:00Z'), notAfter: new Date('2036-11-01T00:00:00Z') };

it.each([
  ['1970-01-01T00:05:00Z', 'clockWrong', 'this agent was built'],
  ['2026-09-29T00:00:00Z', 'clockWrong', 'this agent was built'],
  ['2026-10-31T23:00:00Z', 'clockWrong', 'the clock is behind'],
  ['2036-11-01T00:00:01Z', 'certificateExpired', 'provision it again'],
  ['2099-01-01T00:00:00Z', 'clockWrong', 'cannot be right'],
])('at %s: %s', (now, code, sentence) => {
  const check = (): void => checkClockAndValidity(at(now), validity, builtAt);
  expect(check).toThrow(expect.objectContaining({ code, message: expect.stringContaining(sentence) }));
});

it.each(['2026-10-31T23:57:00Z', '2026-11-20T00:00:00Z', '2036-10-31T23:59:59Z'])('accepts %s', (now) => {
  expect(() => checkClockAndValidity(at(now), validity, builtAt)).not.toThrow();
});
