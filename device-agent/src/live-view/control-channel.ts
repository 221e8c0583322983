import { commandParamsSchemas } from '@aovis/contracts/commands';
import type { LiveReply } from '@aovis/contracts/live-view';
import { liveCommandSchema, liveCommandTypes } from '@aovis/contracts/live-view';
import { type Actions, unsupported } from '../commands/command-action.ts';
import { type CommandAnswer, failed, isFinal, rejected } from '../commands/command-answer.ts';
import type { Logger } from '../host/logger.ts';

/** Longer text is no command. */
const longestMessage = 4_096;
const rememberedCommands = 100;
/** Commands of one viewer that are under way at a time. */
const maxUnderWay = 4;

export interface ControlChannelOptions {
  actions: Actions;
  /** The owner may command; those who were shown the camera may look. */
  mayCommand: boolean;
  /** Aborted when the viewer leaves or the agent stops. */
  signal: AbortSignal;
  logger: Logger;
}

/** Commands that a viewer sends beside the picture. Each id is carried out once; its answer is repeated when it is. */
export class ControlChannel {
  readonly #options: ControlChannelOptions;
  readonly #answers = new Map<string, CommandAnswer>();
  #underWay = 0;

  constructor(options: ControlChannelOptions) {
    this.#options = options;
  }

  onMessage(text: string, reply: (text: string) => void): void {
    const command = liveCommandSchema.safeParse(parseJson(text));
    // Without a valid id there is nothing to answer to.
    if (!command.success) return;
    const { id, type, params } = command.data;
    const answer = (given: CommandAnswer): void => {
      this.#remember(id, given);
      const told: LiveReply = { id, ...given };
      reply(JSON.stringify(told));
    };
    const known = this.#answers.get(id);
    if (known !== undefined) return answer(known);
    const run = this.#prepare(type, params);
    if (typeof run !== 'function') return answer(run);
    this.#options.logger.info({ commandId: id, type }, 'A viewer sent a command.');
    void this.#execute(run, answer);
  }

  #prepare(type: string, params: unknown): ReturnType<NonNullable<Actions['ptz']>['prepare']> {
    const { mayCommand, actions } = this.#options;
    if (!mayCommand) return rejected('forbidden', 'Only the owner of the camera may command it.');
    if (!Object.hasOwn(commandParamsSchemas, type))
      return rejected('unknown_command', `This board knows no command ${type.slice(0, 64)}.`);
    const live = liveCommandTypes.find((known) => known === type);
    if (live === undefined)
      return rejected('not_live', `${type} is not for the live view: send it as a command of the device.`);
    if (this.#underWay >= maxUnderWay)
      return rejected('busy', 'Too many commands are under way; send it again later.');
    return actions[live]?.prepare(params) ?? unsupported(live);
  }

  async #execute(
    run: Exclude<ReturnType<NonNullable<Actions['ptz']>['prepare']>, CommandAnswer>,
    answer: (given: CommandAnswer) => void,
  ): Promise<void> {
    const { signal, logger } = this.#options;
    this.#underWay += 1;
    answer({ status: 'accepted' });
    try {
      const running = (): void => answer({ status: 'running' });
      const end = await run({ signal, running, told: Promise.resolve() });
      if (end !== undefined && !signal.aborted) answer(end);
    } catch (error) {
      logger.error({ err: error }, 'A viewer’s command failed by a defect of the agent.');
      answer(failed('defect', 'The agent failed at this command; its log says how.'));
    } finally {
      this.#underWay -= 1;
    }
  }

  #remember(id: string, answer: CommandAnswer): void {
    this.#answers.set(id, answer);
    if (this.#answers.size <= rememberedCommands) return;
    const ended = [...this.#answers].find(([, known]) => isFinal(known));
    if (ended !== undefined) this.#answers.delete(ended[0]);
  }
}

function parseJson(text: string): unknown {
  if (text.length > longestMessage) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
