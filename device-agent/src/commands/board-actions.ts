import { howToSet } from '../config.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import { type ActionContext, type ActionResult, type Actions, action } from './command-action.ts';
import { type CommandAnswer, failed } from './command-answer.ts';
import { rebootAction } from './reboot-action.ts';
import { type Program, runProgram } from './run-program.ts';

export interface BoardActionsOptions {
  clock: Clock;
  logger: Logger;
  /** False where the camera cannot make a keyframe at will. */
  requestKeyframe: () => boolean;
  /** Lets the board be found, by a light say, for `AOVIS_DURATION_S` seconds. Absent: only a line in the log. */
  identify: Program | undefined;
  /** Begins a reboot of the machine. */
  reboot: Program | undefined;
  /** Moves the camera to `AOVIS_PAN`, `AOVIS_TILT` and `AOVIS_ZOOM`, each from -1 to 1. */
  ptz: Program | undefined;
  machineBootId: string | undefined;
}

const succeeded: CommandAnswer = { status: 'succeeded' };
const ptzWithinMs = 30_000;
/** A program that shows something for a time may take so much longer. */
const identifyGraceMs = 10_000;

/** What this board can do on command, as it is configured. */
export function boardActions(options: BoardActionsOptions): Actions {
  const { clock, logger, requestKeyframe, identify, reboot, ptz, machineBootId } = options;
  return {
    request_keyframe: action('request_keyframe', async () =>
      requestKeyframe()
        ? succeeded
        : failed('not_possible', 'This camera makes keyframes on its own; the next one comes by itself.'),
    ),
    identify: action('identify', async ({ duration_s }, context) => {
      const here = 'Somebody looks for this board: here it is.';
      const light = identify === undefined ? ` For a light, ${howToSet('identifyCommand')}.` : '';
      logger.info({ durationSeconds: duration_s }, `${here}${light}`);
      if (identify === undefined) return { ...succeeded, result: { shown_by: 'log' } };
      const env = { AOVIS_DURATION_S: String(duration_s) };
      const ended = await run(identify, { env, timeoutMs: duration_s * 1_000 + identifyGraceMs }, context);
      return ended?.status === 'succeeded' ? { ...ended, result: { shown_by: 'program' } } : ended;
    }),
    ...(reboot === undefined
      ? {}
      : { reboot: rebootAction({ clock, logger, program: reboot, machineBootId }) }),
    ...(ptz === undefined
      ? {}
      : {
          ptz: action('ptz', ({ pan, tilt, zoom }, context) => {
            const env = { AOVIS_PAN: String(pan), AOVIS_TILT: String(tilt), AOVIS_ZOOM: String(zoom) };
            return run(ptz, { env, timeoutMs: ptzWithinMs }, context);
          }),
        }),
  };
}

async function run(
  program: Program,
  how: { env: Record<string, string>; timeoutMs: number },
  { signal, running }: ActionContext,
): ActionResult {
  running();
  const fault = await runProgram(program, { ...how, signal });
  if (signal.aborted) return undefined;
  return fault === undefined ? succeeded : failed('program_failed', `The program ${program[0]} ${fault}.`);
}
