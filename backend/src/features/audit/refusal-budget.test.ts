import { expect, it } from '@jest/globals';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { RefusalBudget } from './refusal-budget.ts';

it('lets a burst of 60 through, then one a second, and says how many it left out', () => {
  const clock = new FakeClock();
  const budget = new RefusalBudget(clock);
  const burst = Array.from({ length: 100 }, () => budget.take());
  expect(burst.filter((row) => row !== undefined)).toHaveLength(60);
  clock.advance(1_000);
  expect(budget.take()).toEqual({ not_recorded_before: 40 });
  expect(budget.take()).toBeUndefined();
  clock.advance(3_600_000);
  expect(budget.take()).toEqual({ not_recorded_before: 1 });
  expect(budget.take()).toEqual({});
});
