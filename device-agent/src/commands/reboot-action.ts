import { sleep } from '../camera/sleep.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import { type Action, type ActionResult, action } from './command-action.ts';
import { failed } from './command-answer.ts';
import { type Program, runProgram } from './run-program.ts';

export interface RebootOptions {
  clock: Clock;
  logger: Logger;
  program: Program;
  /** Of the machine's present boot. */
  machineBootId: string | undefined;
}

/** A board that cannot be told of an answer reboots all the same. */
const toldWithinMs = 5_000;
const programWithinMs = 60_000;
/** A machine that is still up then is not going down any more. */
const downWithinMs = 120_000;

/**
 * Reboots the machine. Its end is known after the restart: when the machine's boot id is another one, or where machines
 * have none, when the agent was started again.
 */
export function rebootAction({ clock, logger, program, machineBootId }: RebootOptions): Action {
  const notRestarted = async (signal: AbortSignal): ActionResult => {
    await sleep(clock, downWithinMs, signal);
    if (signal.aborted) return undefined;
    return failed('not_restarted', `The machine did not restart within ${downWithinMs / 1_000} s.`);
  };

  return action(
    'reboot',
    async (_params, { signal, running, told }) => {
      running();
      await whenTold(clock, told, signal);
      if (signal.aborted) return undefined;
      logger.warn('The machine reboots on command.');
      const ending = runProgram(program, { env: {}, timeoutMs: programWithinMs });
      const fault = await Promise.race([ending, aborted(signal)]);
      if (fault === undefined) return notRestarted(signal);
      return failed('program_failed', `The program ${program[0]} ${fault}.`);
    },
    async ({ machine_boot_id }, { signal }) =>
      machineBootId === undefined || machine_boot_id !== machineBootId
        ? { status: 'succeeded', result: machineBootId === undefined ? {} : { boot_id: machineBootId } }
        : notRestarted(signal),
  );
}

/** At once when the agent stops, too. */
async function whenTold(clock: Clock, told: Promise<void>, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  void Promise.race([told, aborted(signal)]).then(() => over.abort());
  await sleep(clock, toldWithinMs, over.signal);
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
