import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '../host/logger.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { until } from '../testing/until.ts';
import { ClockWatch } from './clock-watch.ts';
import { type TimeAnswer, TimeUnknown } from './time-answer.ts';

const hour = 3_600_000;
const day = 24 * hour;
const truth = Date.UTC(2026, 10, 20);
const lookMs = 5_000;

let clock: FakeClock;
let watch: ClockWatch;
let doubtPath: string;
let questions: number;
let reachable: boolean;
let recoveries: number;
let log: string;

/** The cloud's clock goes by monotonic time. */
async function ask(): Promise<TimeAnswer> {
  questions++;
  if (!reachable) throw new TimeUnknown('cloud:443 cannot be asked for the time (ECONNREFUSED)');
  const receivedAt = clock.monotonic();
  return {
    from: 'cloud:443',
    time: truth + receivedAt,
    receivedAt,
    notBefore: truth - 10 * day,
    notAfter: truth + 365 * day,
  };
}

beforeEach(async () => {
  clock = new FakeClock(truth);
  doubtPath = join(await temporaryDirectory(), 'clock-doubt');
  questions = 0;
  recoveries = 0;
  reachable = true;
  log = '';
  watch = new ClockWatch({
    clock,
    ask,
    validity: () => ({ notBefore: new Date(truth - 20 * day), notAfter: new Date(truth + 3_650 * day) }),
    builtAt: truth - 30 * day,
    doubtPath,
    logger: createLogger({ level: 'debug', destination: { write: (line: string) => void (log += line) } }),
    onRight: () => {
      recoveries++;
    },
  });
  await watch.start(new AbortController().signal);
});

afterEach(() => watch.stop());

const step = (byMs: number): void => clock.setWallClock(clock.now() + byMs);
const untilOk = (ok: boolean): Promise<void> => until(() => watch.health().ok === ok);

describe('nobody is asked', () => {
  it('while nothing says that the clock is wrong, though it is slewed', async () => {
    for (let minute = 0; minute < 60; minute++) {
      step(100);
      await clock.advance(60_000);
    }
    expect(questions).toBe(0);
    expect(watch.health()).toEqual({ ok: true, detail: 'nothing says that the clock is wrong' });
  });

  it('again by failures for an hour after the clock was found right', async () => {
    watch.doubt();
    watch.doubt();
    await settle();
    for (let minute = 0; minute < 59; minute++) {
      watch.doubt();
      await clock.advance(60_000);
    }
    expect(questions).toBe(1);
    await clock.advance(2 * 60_000);
    watch.doubt();
    expect(questions).toBe(2);
  });
});

describe.each([
  ['behind', -365 * day, true],
  ['14 hours ahead', 14 * hour, true],
  ['a year ahead', 365 * day, false],
])('a clock that is set %s while the agent runs', (_how, byMs, settable) => {
  beforeEach(async () => {
    step(byMs);
    await clock.advance(lookMs);
    await untilOk(false);
  });

  it('is a problem that says what to do', () => {
    expect(watch.health().detail).toContain(settable ? 'sudo aovis-agent clock --set' : 'sudo date -u -s @');
    expect(log).toContain('cloud:443 says that it is 2026-11-20T00:00:0');
  });

  it('is told to who may set it, if it may be set so', async () => {
    if (!settable) {
      await clock.advance(hour);
      expect(existsSync(doubtPath)).toBe(false);
      return;
    }
    await until(() => existsSync(doubtPath));
    expect(await readFile(doubtPath, 'utf8')).toContain('The clock says');
  });

  it('is in order within seconds after it was set right', async () => {
    step(-byMs);
    await clock.advance(lookMs);
    await untilOk(true);
    expect(recoveries).toBe(1);
    expect(existsSync(doubtPath)).toBe(false);
  });
});

it('asks again and again, ever more rarely, while nobody answers, then says what is wrong', async () => {
  reachable = false;
  step(-365 * day);
  await clock.advance(hour);
  expect(questions).toBeGreaterThan(5);
  expect(questions).toBeLessThan(20);
  expect(watch.health().ok).toBe(true);
  reachable = true;
  await clock.advance(hour / 6);
  await untilOk(false);
});

it('stops asking when it is stopped', async () => {
  reachable = false;
  step(-365 * day);
  await clock.advance(lookMs);
  await watch.stop();
  const before = questions;
  await clock.advance(hour);
  expect(questions).toBe(before);
  expect(clock.pending).toEqual([]);
});
