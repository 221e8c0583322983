import type { Command } from 'commander';
import type { CommandContext } from '../commands/command-context.ts';
import type { SettingName } from '../settings.ts';

export type Flags = Record<string, string | boolean | string[] | undefined>;
export type Action = (
  context: CommandContext,
  flags: Flags,
  args: readonly (string | undefined)[],
) => Promise<void>;

/** A whole command line that can be copied, and what comes of it. */
export interface Example {
  line: string;
  does: string;
}

/** A command as its help, the shell completions, the reference and the audit log know it. */
export interface CommandSpec {
  name: string;
  /** One line, as in the list of commands. */
  summary: string;
  /** For somebody who runs the command for the first time: what happens, what stays, what comes next. */
  teaches: string;
  examples: readonly Example[];
  /** Whether it changes anything. If so it takes `--dry-run`, and the audit log says who ran it. */
  changes: boolean;
  /** It uses the CA's keys. */
  passphrase?: boolean;
  /** Settings that mean something to it; they become flags. */
  settings?: readonly SettingName[];
}

/** Adds one command to a group; arguments and own options are added to what it returns. */
export type Define = (group: Command, spec: CommandSpec, action: Action) => Command;

const specs = new WeakMap<Command, CommandSpec>();

/** Remembers what a command was made from, for whoever describes it. */
export function rememberSpec(command: Command, spec: CommandSpec): void {
  specs.set(command, spec);
}

/** Undefined for groups and the program itself. */
export function specOf(command: Command): CommandSpec | undefined {
  return specs.get(command);
}

/** A flag's value; undefined when it was not given. */
export function textOf(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

/** For options that may be given several times. */
export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}
