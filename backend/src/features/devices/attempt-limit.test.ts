import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type AttemptCount, afterFailure, attemptPolicies, waitMs } from './attempt-limit.ts';

const policy = attemptPolicies['device+user'];

it('lets people mistype, then doubles the wait up to its cap', () => {
  let count: AttemptCount | undefined;
  const waits: number[] = [];
  for (let i = 0; i < 14; i++) {
    count = afterFailure(count, policy, 1_000);
    waits.push(waitMs(count, policy, 1_000) / 1_000);
  }
  expect(waits).toEqual([0, 0, 0, 0, 0, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
});

it('counts the wait from the last failure', () => {
  const count = { failures: 6, lastFailureAtMs: 0 };
  expect(waitMs(count, policy, 9_999)).toBe(1);
  expect(waitMs(count, policy, 10_000)).toBe(0);
});

it('forgets after a quiet day', () => {
  const count = { failures: 50, lastFailureAtMs: 0 };
  expect(waitMs(count, policy, policy.forgetAfterMs)).toBe(0);
  expect(afterFailure(count, policy, policy.forgetAfterMs).failures).toBe(1);
});

it('never waits less than nothing or more than the longest wait', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.nat(2 ** 40), (failures, nowMs) => {
      const wait = waitMs({ failures, lastFailureAtMs: nowMs }, policy, nowMs);
      return wait >= 0 && wait <= policy.longestWaitMs;
    }),
  );
});
