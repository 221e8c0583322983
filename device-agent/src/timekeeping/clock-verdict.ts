import { duration } from '../host/duration.ts';
import { earliestTime, isPlausible, type Validity } from './clock-sanity.ts';
import type { TimeAnswer } from './time-answer.ts';

const minuteMs = 60_000;
/** What a clock may be off: the least that AWS's services take in a signature is 5 minutes. */
const toleranceMs = 5 * minuteMs;
/** Local time in the place of UTC is 14 hours ahead at most; more no clock is set back by itself. ADR 0033. */
export const maxBackMs = 86_400_000;

export type ClockVerdict =
  | { kind: 'right'; offsetMs: number }
  | {
      kind: 'wrong';
      /** Of the board's clock against the true time, milliseconds: above zero when it is ahead. */
      offsetMs: number;
      /** The true time now, milliseconds since the epoch. */
      time: number;
      /** Within the bounds in which it may be set without a person. */
      settable: boolean;
      sentence: string;
    }
  | { kind: 'expired'; sentence: string }
  | { kind: 'unbelievable'; sentence: string };

export interface Judged {
  /** The board's clock, milliseconds since the epoch. */
  now: number;
  /** At the same moment. */
  monotonic: number;
  answer: TimeAnswer;
  /** Of the board's own certificate. */
  validity: Validity;
  /** When this agent was built, milliseconds since the epoch. */
  builtAt: number;
}

/** What the answer says of the board's clock, if it may be believed: ADR 0033 has the reason for each bound. */
export function judgeClock({ now, monotonic, answer, validity, builtAt }: Judged): ClockVerdict {
  const time = answer.time + (monotonic - answer.receivedAt);
  const says = `${answer.from} says that it is ${second(time)}`;
  const unbelievable = (reason: string): ClockVerdict => ({
    kind: 'unbelievable',
    sentence: `${says}, which is not believed: ${reason}.`,
  });
  if (time < answer.notBefore || time > answer.notAfter)
    return unbelievable(
      `its own certificate is valid from ${second(answer.notBefore)} to ${second(answer.notAfter)}`,
    );
  if (time < earliestTime(validity, builtAt))
    return unbelievable(
      `this agent was built on ${second(builtAt)}, and this board's certificate was issued on ` +
        second(validity.notBefore.getTime()),
    );
  if (time > validity.notAfter.getTime())
    return {
      kind: 'expired',
      sentence:
        `${says}: this board's certificate expired on ${second(validity.notAfter.getTime())}. The board needs a new one: ` +
        'provision it again and copy the new bundle here.',
    };
  const offsetMs = Math.round(now - time);
  if (Math.abs(offsetMs) <= toleranceMs) return { kind: 'right', offsetMs };
  const settable = offsetMs <= maxBackMs || !isPlausible(now, validity, builtAt);
  const wrong =
    `The clock says ${second(now)}, but ${says}: the clock is ${duration(Math.round(Math.abs(offsetMs) / minuteMs) * minuteMs)} ` +
    `${offsetMs > 0 ? 'ahead' : 'behind'}. `;
  return { kind: 'wrong', offsetMs, time, settable, sentence: wrong + (settable ? setIt : checkIt(time)) };
}

const setIt =
  'Set it: sudo aovis-agent clock --set, which the service of the package does by itself, and look after its source of time ' +
  '(NTP, a modem or GPS, a battery for the clock).';

const checkIt = (time: number): string =>
  `So far back it is not set by itself: if that time is right, type sudo date -u -s @${Math.round(time / 1_000)}, and look after ` +
  'its source of time.';

const second = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
