import { sleep } from '../camera/sleep.ts';
import { type Program, runProgram } from '../commands/run-program.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import {
  failed,
  type JobContext,
  JobEnded,
  type JobHandler,
  type JobOutcome,
  jobHandler,
  succeeded,
} from './job-handler.ts';

export interface RebootJobOptions {
  clock: Clock;
  logger: Logger;
  /** Begins a reboot of the machine. */
  program: Program;
  /** Of the machine's present boot. */
  machineBootId: string | undefined;
}

const programWithinMs = 60_000;
/** A machine that is still up then is not going down any more. */
const downWithinMs = 120_000;
/** The service ends the job when a machine does not come up again. */
const upWithinMinutes = 30;
const mostAttempts = 2;
const noBootId = 'none';

/**
 * Reboots the machine once for a job. The job's details carry the boot during which it was asked for: when the machine is in
 * another one it has been done, whatever the board has forgotten.
 */
export function rebootJob({
  clock,
  logger,
  program,
  machineBootId = noBootId,
}: RebootJobOptions): JobHandler {
  return jobHandler('reboot', async (_document, context) => {
    const { boot_id: askedDuring, attempt = '0' } = context.details;
    // Where machines have no such id, the agent's restart has to do.
    const done = askedDuring !== undefined && (askedDuring !== machineBootId || machineBootId === noBootId);
    if (done) return succeeded({ boot_id: machineBootId });
    // The agent ended before the machine did: the program may not have been reached.
    const attempts = Number(attempt) + 1;
    if (!(attempts <= mostAttempts)) return notRestarted();
    await context.progress(
      { step: 'rebooting', boot_id: machineBootId, attempt: String(attempts) },
      { stepTimeoutMinutes: upWithinMinutes },
    );
    logger.warn('The machine reboots by a job.');
    return reboot(context);
  });

  async function reboot({ signal }: JobContext): Promise<JobOutcome> {
    const fault = await Promise.race([
      runProgram(program, { env: {}, timeoutMs: programWithinMs }),
      untilAborted(signal),
    ]);
    if (fault !== undefined) return failed('program_failed', `The program ${program[0]} ${fault}.`);
    await sleep(clock, downWithinMs, signal);
    if (signal.aborted) throw new JobEnded(undefined);
    return notRestarted();
  }
}

function notRestarted(): JobOutcome {
  return failed('not_restarted', `The machine did not restart within ${downWithinMs / 1_000} s.`);
}

function untilAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
