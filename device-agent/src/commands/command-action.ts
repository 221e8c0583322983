import { type CommandType, commandParamsSchemas } from '@aovis/contracts/commands';
import type * as z from 'zod';
import { howToSet, type SettingName } from '../config.ts';
import { type CommandAnswer, rejected } from './command-answer.ts';
import type { JournalEntry } from './command-journal.ts';

export interface ActionContext {
  /** Aborted when the agent stops. */
  signal: AbortSignal;
  /** Says that it takes a while. */
  running: () => void;
  /** Resolves when the cloud knows that the command was taken, or cannot be told now. */
  told: Promise<void>;
}

/** How a command ended; undefined when the agent stopped before that. What it throws is told as a defect. */
export type ActionResult = Promise<CommandAnswer | undefined>;

/** What a board does on a command. */
export interface Action {
  /** Refuses parameters that do not fit, before anything is done. */
  prepare(params: unknown): CommandAnswer | ((context: ActionContext) => ActionResult);
  /** Finds out, after a restart, how a command ended that was under way; without it that is not known. */
  resume?(entry: JournalEntry, context: Pick<ActionContext, 'signal'>): ActionResult;
}

/** By type; a type without one is rejected as unsupported. */
export type Actions = Readonly<Partial<Record<CommandType, Action>>>;

type ParamsOf<Type extends CommandType> = z.output<(typeof commandParamsSchemas)[Type]>;

export function action<Type extends CommandType>(
  type: Type,
  run: (params: ParamsOf<Type>, context: ActionContext) => ActionResult,
  resume?: Action['resume'],
): Action {
  const schema: z.ZodType = commandParamsSchemas[type];
  return {
    prepare: (params) => {
      const parsed = schema.safeParse(params);
      if (parsed.success) return (context) => run(parsed.data as ParamsOf<Type>, context);
      const [issue] = parsed.error.issues;
      const where = ['params', ...(issue?.path ?? [])].join('.');
      return rejected('invalid_params', `${where}: ${issue?.message ?? 'does not fit'}`);
    },
    ...(resume === undefined ? {} : { resume }),
  };
}

/** What a type needs that not every board can do. */
const neededFor: Readonly<Partial<Record<CommandType, SettingName>>> = {
  reboot: 'rebootCommand',
  ptz: 'ptzCommand',
};

/** The answer to a command that this board is not set up for. */
export function unsupported(type: CommandType): CommandAnswer {
  const setting = neededFor[type];
  const what = setting === undefined ? '.' : `: ${howToSet(setting)}.`;
  return rejected('unsupported', `This board is not set up for ${type}${what}`);
}
