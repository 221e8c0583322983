import { expect, it } from '@jest/globals';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { MailAllowance } from './mail-allowance.ts';

const clock = new FakeClock('2026-03-01T08:00:00Z');

function newAllowance(): { allowance: MailAllowance; keys: Map<string, number> } {
  const keys = new Map<string, number>();
  const resetTime = new Date(clock.now().getTime() + 90_000);
  const counts = {
    increment: async (key: string) => {
      keys.set(key, (keys.get(key) ?? 0) + 1);
      return { totalHits: keys.get(key) ?? 0, resetTime };
    },
  };
  return { allowance: new MailAllowance({ counts, clock }), keys };
}

it('mails five an hour to an address, whoever asks', async () => {
  const { allowance, keys } = newAllowance();
  for (let i = 0; i < 5; i++) await allowance.take(`user ${i}`, 'guest@example.com');
  await expect(allowance.take('another', 'guest@example.com')).rejects.toMatchObject({
    code: 'rate_limited',
    retryAfterMs: 90_000,
  });
  expect([...keys.keys()].join()).not.toContain('guest');
});

it('mails twenty an hour for a user, to whomever', async () => {
  const { allowance } = newAllowance();
  for (let i = 0; i < 20; i++) await allowance.take('user', `guest${i}@example.com`);
  await expect(allowance.take('user', 'other@example.com')).rejects.toMatchObject({ code: 'rate_limited' });
});
