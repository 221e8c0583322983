import { expect, it } from '@jest/globals';
import { ReconnectPolicy } from './reconnect-policy.ts';

const longest = (): number => 0.999_999;
const policyWith = (random: () => number): ReconnectPolicy => new ReconnectPolicy(random);

it('doubles the longest possible wait from 1 s to 128 s and stays there', () => {
  const policy = policyWith(longest);
  const waits = Array.from({ length: 10 }, () => policy.afterEnd({ code: 'network' }).delayMs);
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 128, 128].map((seconds) => seconds * 1000));
});

it('draws the wait from the whole range, down to none', () => {
  expect(policyWith(() => 0).afterEnd({ code: 'dns' }).delayMs).toBe(0);
  expect(policyWith(() => 0.25).afterEnd({ code: 'dns' }).delayMs).toBe(250);
});

it('starts over only after a stable minute', () => {
  const policy = policyWith(longest);
  for (let i = 0; i < 5; i++) policy.afterEnd({ code: 'network' });
  expect(policy.afterEnd({ code: 'network', connectedMs: 59_999 }).delayMs).toBe(32_000);
  expect(policy.afterEnd({ code: 'network', connectedMs: 60_000 }).delayMs).toBe(1_000);
});

it('steps aside after three brief connections in a row that the broker closed', () => {
  const policy = policyWith(() => 0);
  const brief = { code: 'closed', connectedMs: 70_000 } as const;
  expect([policy.afterEnd(brief), policy.afterEnd(brief)].map(({ takenOver }) => takenOver)).toEqual([
    false,
    false,
  ]);
  expect(policy.afterEnd(brief)).toEqual({ delayMs: 300_000, takenOver: true });
  expect(policyWith(longest).afterEnd(brief).takenOver).toBe(false);
});

it('does not take a restarting broker for a second client', () => {
  const policy = policyWith(() => 0);
  const brief = { code: 'closed', connectedMs: 1_000 } as const;
  policy.afterEnd(brief);
  policy.afterEnd(brief);
  policy.afterEnd({ code: 'network' });
  expect(policy.afterEnd(brief).takenOver).toBe(false);
});
