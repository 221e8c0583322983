import type { Clock } from '../host/clock.ts';
import { Refusal } from '../refusal.ts';
import { checkClockAndValidity, type Validity } from './clock-sanity.ts';
import { type ClockVerdict, judgeClock } from './clock-verdict.ts';
import type { AskTheTime } from './time-answer.ts';

export interface ClockAtStart {
  clock: Pick<Clock, 'now' | 'monotonic'>;
  validity: Validity;
  builtAt: number;
  ask: AskTheTime;
  /** Aborted, it asks no longer. */
  signal?: AbortSignal;
}

/**
 * As {@link checkClockAndValidity}; before it refuses, the cloud is asked for the time, so that the sentence tells a wrong clock
 * from an expired certificate, and says what the time is.
 */
export async function checkClockAtStart(start: ClockAtStart): Promise<void> {
  const { clock, validity, builtAt } = start;
  try {
    checkClockAndValidity(clock.now(), validity, builtAt);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw (await betterRefusal(start)) ?? error;
  }
}

async function betterRefusal({
  clock,
  validity,
  builtAt,
  ask,
  signal,
}: ClockAtStart): Promise<Refusal | undefined> {
  const answer = await ask(signal).catch(() => undefined);
  if (answer === undefined) return undefined;
  const at = { now: clock.now(), monotonic: clock.monotonic() };
  return refusalOf(judgeClock({ ...at, answer, validity, builtAt }));
}

function refusalOf(verdict: ClockVerdict): Refusal | undefined {
  if (verdict.kind === 'wrong') return new Refusal('clockWrong', verdict.sentence);
  if (verdict.kind === 'expired') return new Refusal('certificateExpired', verdict.sentence);
  return undefined;
}
