import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { attemptPolicies, waitMs } from './attempt-limit.ts';

const policy = attemptPolicies['device+user'];

it('lets people mistype, then doubles the wait up to its cap', () => {
  const waits = Array.from({ length: 14 }, (_, i) =>
    waitMs({ failures: i + 1, lastFailureAtMs: 0 }, policy, 0),
  );
  expect(waits.map((ms) => ms / 1_000)).toEqual([0, 0, 0, 0, 0, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
});

it('counts the wait from the last failure', () => {
  const count = { failures: 6, lastFailureAtMs: 0 };
  expect(waitMs(count, policy, 9_999)).toBe(1);
  expect(waitMs(count, policy, 10_000)).toBe(0);
});

it('never waits less than nothing or more than the longest wait', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.nat(2 ** 40), (failures, nowMs) => {
      const wait = waitMs({ failures, lastFailureAtMs: nowMs }, policy, nowMs);
      return wait >= 0 && wait <= policy.longestWaitMs;
    }),
  );
});
