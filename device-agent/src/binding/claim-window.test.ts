import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../testing/fake-clock.ts';
import { ClaimWindow, claimWindowMs } from './claim-window.ts';

let clock: FakeClock;
let closings: number;
let window: ClaimWindow;
const newWindow = (): ClaimWindow =>
  new ClaimWindow(clock, () => {
    closings += 1;
  });

beforeEach(() => {
  clock = new FakeClock();
  closings = 0;
  window = newWindow();
});

it('is open for 15 minutes, and says when they are over', async () => {
  window.open(window.next('button'));
  await clock.advance(claimWindowMs - 1);
  expect([window.isOpen, closings]).toEqual([true, 0]);
  await clock.advance(1);
  expect([window.isOpen, closings]).toEqual([false, 1]);
});

it('begins anew when it is opened again', async () => {
  window.open(window.next('first_start'));
  await clock.advance(claimWindowMs - 1);
  window.open(window.next('button'));
  await clock.advance(claimWindowMs - 1);
  expect(window.isOpen).toBe(true);
});

it('closes in silence when somebody closes it', async () => {
  window.open(window.next('button'));
  window.close();
  await clock.advance(claimWindowMs);
  expect([window.isOpen, closings]).toEqual([false, 0]);
});

it('is not prolonged by a clock that is set back', async () => {
  window.open(window.next('button'));
  clock.setWallClock(clock.now() - 3_600_000);
  await clock.advance(claimWindowMs);
  expect(window.isOpen).toBe(false);
});

describe('after a restart', () => {
  it('goes on with what is left', async () => {
    const kept = window.next('button');
    await clock.advance(claimWindowMs - 60_000);
    const restarted = newWindow();
    restarted.open(kept);
    expect(restarted.kept).toEqual(kept);
    await clock.advance(60_000);
    expect(restarted.isOpen).toBe(false);
  });

  it.each([
    ['its time is over', claimWindowMs],
    ['the clock lost its time', -1],
  ])('stays closed when %s', (_, passed) => {
    const kept = window.next('button');
    clock.setWallClock(clock.now() + passed);
    const restarted = newWindow();
    restarted.open(kept);
    expect([restarted.isOpen, restarted.kept]).toEqual([false, undefined]);
  });
});
