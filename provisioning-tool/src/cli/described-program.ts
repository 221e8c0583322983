import { PassThrough } from 'node:stream';
import type { Argument, Command, Option } from 'commander';
import { systemClock } from '../clock.ts';
import { settings } from '../settings.ts';
import { Terminal } from '../terminal/terminal.ts';
import { commonHeading, settingsHeading } from './command-maker.ts';
import { specOf } from './command-spec.ts';
import { buildProgram, commandsOf } from './program.ts';

/** The command line as it is described, not run: what it says goes nowhere. */
export function describedProgram(): Command {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const nowhere = { writeOut: () => {}, writeErr: () => {} };
  return buildProgram(new Terminal(streams, { json: false, plain: true, input: false }, {}), nowhere, {
    env: {},
    clock: systemClock,
    random: Math.random,
    signal: new AbortController().signal,
    version: '',
  });
}

/** The commands that do something, in the order of the help. */
export function leavesOf(program: Command): Command[] {
  return commandsOf(program).filter((command) => specOf(command) !== undefined);
}

/** `labels print`. */
export function pathOf(command: Command): string {
  const words: string[] = [];
  for (let each: Command | null = command; each?.parent; each = each.parent) words.unshift(each.name());
  return words.join(' ');
}

/** Options that many commands have, each once. */
export function commonOptionsOf(leaves: readonly Command[]): Option[] {
  const common = new Map<string, Option>();
  for (const command of leaves)
    for (const option of command.options)
      if (option.helpGroupHeading === commonHeading) common.set(option.flags, option);
  return [...common.values()];
}

/** Options of this command alone: neither common ones nor settings. */
export function ownOptionsOf(command: Command): Option[] {
  return command.options.filter(
    ({ helpGroupHeading: heading }) => heading !== commonHeading && heading !== settingsHeading,
  );
}

export interface SettingRow {
  name: string;
  variable: string;
  fallback: string | undefined;
  sentence: string;
}

export function settingRows(): SettingRow[] {
  return Object.entries(settings).map(
    ([name, row]: [string, { variable: string; default?: string; sentence: string }]) => ({
      name,
      variable: row.variable,
      fallback: row.default,
      sentence: row.sentence,
    }),
  );
}

/** What an argument is and may be. */
export function argumentSentence(argument: Argument): string {
  return argument.description + choicesOf(argument);
}

/** What an option does and may be; `mark` is put around a default. */
export function optionSentence(option: Option, mark = ''): string {
  const value: unknown = option.defaultValue;
  const fallback = typeof value === 'string' ? ` Default: ${mark}${value}${mark}.` : '';
  return `${option.description}${choicesOf(option)}${option.mandatory ? ' Required.' : ''}${fallback}`;
}

function choicesOf({ argChoices }: { argChoices?: string[] | undefined }): string {
  return argChoices ? ` One of ${argChoices.join(', ')}.` : '';
}
