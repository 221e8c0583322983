import { Refusal } from '../refusal.ts';

const dayMs = 86_400_000;
/** A board's battery-less clock starts in 1970 or at its image's build; a clock this far ahead is as surely wrong. */
const plausibleYearsAhead = 30;
/** The factory's clock and the board's may disagree by this much. */
const toleranceMs = 5 * 60_000;

/** No true time is earlier, milliseconds since the epoch. */
export function earliestTime({ notBefore }: Pick<Validity, 'notBefore'>, builtAt: number): number {
  return Math.max(builtAt - dayMs, notBefore.getTime() - toleranceMs);
}

export interface Validity {
  notBefore: Date;
  notAfter: Date;
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const minute = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`;

/** False when the clock cannot be right whatever else is true; true says nothing more than that. */
export function isPlausible(now: number, validity: Validity, builtAt: number): boolean {
  return (
    now >= earliestTime(validity, builtAt) &&
    now <= Math.min(validity.notAfter.getTime(), builtAt + plausibleYearsAhead * 365 * dayMs)
  );
}

/**
 * Refuses a clock that cannot be right, and an expired certificate only when the clock can be trusted to say so: a
 * board without a battery-backed clock must not be sent back to the factory for starting in 1970.
 * `builtAt` is when this agent was built: no true clock is earlier.
 */
export function checkClockAndValidity(now: number, validity: Validity, builtAt: number): void {
  const setClock =
    'Set the clock (sudo aovis-agent clock --set, which asks the cloud, NTP, a modem or GPS time source, or `date -u -s`), then ' +
    'start again.';
  if (now < builtAt - dayMs)
    throw new Refusal(
      'clockWrong',
      `The clock says ${minute(now)}, but this agent was built on ${day(builtAt)}: the clock is wrong. ${setClock}`,
    );
  if (now > builtAt + plausibleYearsAhead * 365 * dayMs)
    throw new Refusal('clockWrong', `The clock says ${minute(now)}: that cannot be right. ${setClock}`);
  if (now < validity.notBefore.getTime() - toleranceMs)
    throw new Refusal(
      'clockWrong',
      `The clock says ${minute(now)}, but the certificate was issued on ${minute(validity.notBefore.getTime())}: ` +
        `the clock is behind. ${setClock}`,
    );
  if (now > validity.notAfter.getTime())
    throw new Refusal(
      'certificateExpired',
      `The certificate expired on ${day(validity.notAfter.getTime())} and the clock says ${minute(now)}. If the clock ` +
        'is right, the board needs a new certificate: provision it again and copy the new bundle here.',
    );
}
