import { expect, it } from '@jest/globals';
import { errorReason } from './error-reason.ts';

it('tells an error with what it comes from, without secrets', () => {
  const cause = new Error('550 no such mailbox', { cause: 'Bearer canary-token' });
  expect(errorReason(new Error('not now', { cause }))).toBe(
    'not now — 550 no such mailbox — Bearer [redacted]',
  );
  expect(errorReason('a text')).toBe('a text');
});

it('comes to an end', () => {
  const round = new Error('x'.repeat(900));
  round.cause = round;
  expect(errorReason(round)).toHaveLength(1_000);
});
