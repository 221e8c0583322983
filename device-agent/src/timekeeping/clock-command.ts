import { access } from 'node:fs/promises';
import { type Program, runProgram } from '../commands/run-program.ts';
import type { Clock } from '../host/clock.ts';
import type { Bundle } from '../identity/bundle.ts';
import { exitCodes, Refusal } from '../refusal.ts';
import { isPlausible } from './clock-sanity.ts';
import { judgeClock } from './clock-verdict.ts';
import { type AskTheTime, TimeUnknown } from './time-answer.ts';

const setTimeoutMs = 10_000;
/** A clock that was set may be off by what the program took. */
const setWithinMs = 60_000;

export interface ClockCommandOptions {
  bundle: Pick<Bundle, 'notBefore' | 'notAfter'>;
  builtAt: number;
  clock: Pick<Clock, 'now' | 'monotonic'>;
  ask: AskTheTime;
  /** Set it when it is wrong and may be set. */
  set: boolean;
  /** Ask only when the clock cannot be right, or the agent that runs doubts it. */
  whenInDoubt: boolean;
  /** What the agent leaves when it doubts the clock. */
  doubtPath: string;
  /** Sets the machine's clock: called with `@` and the seconds since the epoch as its last word. */
  program: Program | undefined;
  print: (text: string) => void;
}

/** `aovis-agent clock`: holds the clock against the cloud's and sets it, within the bounds of ADR 0033. Answers the exit code. */
export async function runClock(options: ClockCommandOptions): Promise<number> {
  const { clock, bundle, builtAt, print, set } = options;
  if (
    options.whenInDoubt &&
    isPlausible(clock.now(), bundle, builtAt) &&
    !(await isThere(options.doubtPath))
  ) {
    print('Nothing says that the clock is wrong: the cloud is not asked.\n');
    return 0;
  }
  const answer = await options.ask().catch((error: unknown) => {
    if (!(error instanceof TimeUnknown)) throw error;
    throw new Refusal(
      'clockUnknown',
      `${error.message}: check the uplink, endpoints.credentials and root-ca.pem.`,
    );
  });
  const at = { now: clock.now(), monotonic: clock.monotonic() };
  const verdict = judgeClock({ ...at, answer, validity: bundle, builtAt });
  switch (verdict.kind) {
    case 'right':
      print(
        `The clock is right: ${Math.round(Math.abs(verdict.offsetMs) / 1_000)} s from what ${answer.from} says.\n`,
      );
      return 0;
    case 'expired':
      throw new Refusal('certificateExpired', verdict.sentence);
    case 'unbelievable':
      throw new Refusal('clockUnknown', verdict.sentence);
    case 'wrong':
      if (set && verdict.settable) return await setClock(options, verdict.time);
      print(`${verdict.sentence}\n`);
      return exitCodes.clockWrong;
  }
}

async function setClock({ clock, program, print }: ClockCommandOptions, time: number): Promise<number> {
  if (program === undefined)
    throw new Refusal(
      'clockWrong',
      'The clock is wrong, and AOVIS_AGENT_CLOCK_COMMAND names no program that sets it.',
    );
  const before = clock.now();
  const askedAt = clock.monotonic();
  // Rounded up: the program takes its time.
  const seconds = Math.ceil(time / 1_000);
  const failure = await runProgram([...program, `@${seconds}`], {
    env: {},
    timeoutMs: setTimeoutMs,
    signal: never,
  });
  const missingMs = time + (clock.monotonic() - askedAt) - clock.now();
  if (failure === undefined && Math.abs(missingMs) <= setWithinMs) {
    print(`The clock was set from ${second(before)} to ${second(clock.now())}.\n`);
    return 0;
  }
  const reason = failure ?? 'ended well, but the clock did not move';
  throw new Refusal(
    'clockWrong',
    `The clock cannot be set: ${program.join(' ')} @${seconds} ${reason}. It needs the right to (CAP_SYS_TIME): type sudo ` +
      'aovis-agent clock --set, or set AOVIS_AGENT_CLOCK_COMMAND to what sets the clock of this machine.',
  );
}

/** Killed with the time-out alone. */
const never = new AbortController().signal;

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const second = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
