import { expect, it } from '@jest/globals';
import { Clock } from './clock.ts';
import { TokenBucket } from './token-bucket.ts';

class StoppedClock extends Clock {
  ms = 1_000_000;
  override now(): number {
    return this.ms;
  }
}

function takeAll(bucket: TokenBucket): number {
  let taken = 0;
  while (bucket.tryTake()) taken += 1;
  return taken;
}

it('admits a burst of one second, then the rate, and never saves up more than the burst', () => {
  const clock = new StoppedClock();
  const bucket = new TokenBucket(clock, 10);
  expect(takeAll(bucket)).toBe(10);
  clock.ms += 99;
  expect(takeAll(bucket)).toBe(0);
  clock.ms += 1;
  expect(takeAll(bucket)).toBe(1);
  clock.ms += 250;
  expect(takeAll(bucket)).toBe(2);
  clock.ms += 60_000;
  expect(takeAll(bucket)).toBe(10);
});

it('does not mind a clock that goes back', () => {
  const clock = new StoppedClock();
  const bucket = new TokenBucket(clock, 5);
  takeAll(bucket);
  clock.ms -= 3_600_000;
  expect(bucket.tryTake()).toBe(false);
  clock.ms += 1000;
  expect(takeAll(bucket)).toBe(5);
});
