import { PassThrough } from 'node:stream';
import type { Argument, Command, Option } from 'commander';
import { systemClock } from '../clock.ts';
import { exitCodeMeanings } from '../refusal.ts';
import { type SettingName, settings } from '../settings.ts';
import { Terminal } from '../terminal/terminal.ts';
import { commonHeading, settingsHeading } from './command-maker.ts';
import { type CommandSpec, specOf } from './command-spec.ts';
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

/** `docs/provisioning-commands.md`: every command as its help tells it, in one page to search. */
export function commandReference(): string {
  const program = describedProgram();
  const leaves = commandsOf(program).filter((command) => specOf(command) !== undefined);
  return [
    '# The commands of aovis-provision',
    '',
    'Made from the program by `npm run check:generated -- --write`; `--help` says the same. The procedure around them is in the',
    '[SOP](factory-sop.md), how it works in [provisioning-tool/README.md](../provisioning-tool/README.md).',
    '',
    '| command | what |',
    '|---|---|',
    ...leaves.map(
      (command) => `| [\`${pathOf(command)}\`](#${anchorOf(command)}) | ${cell(command.description())} |`,
    ),
    '',
    ...commonPart(leaves),
    ...settingsPart(),
    ...exitCodesPart(),
    ...leaves.flatMap(commandPart),
  ]
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()
    .concat('\n');
}

function commonPart(leaves: readonly Command[]): string[] {
  const common = new Map<string, Option>();
  for (const command of leaves)
    for (const option of command.options)
      if (option.helpGroupHeading === commonHeading) common.set(option.flags, option);
  return [
    '## Options of every command',
    '',
    '`--dry-run` is there where a command changes something, the passphrase and the PIN where it uses the CA.',
    '',
    ...table(['option', 'what'], [...common.values()].map(optionRow)),
    '',
  ];
}

function settingsPart(): string[] {
  const rows = Object.entries(settings).map(
    ([name, row]: [string, { variable: string; default?: string; sentence: string }]) => [
      `\`${name}\``,
      `\`${row.variable}\``,
      row.default === undefined ? '' : `\`${row.default}\``,
      row.sentence,
    ],
  );
  return [
    '## Settings',
    '',
    'From the flag (`--` and the name with hyphens) of the commands that name it, else the variable, else `config.json` in the',
    'workspace, else the default.',
    '',
    ...table(['setting', 'variable', 'default', 'what'], rows),
    '',
  ];
}

function exitCodesPart(): string[] {
  const rows = Object.entries(exitCodeMeanings).map(([code, meaning]) => [code, meaning]);
  return ['## Exit codes', '', ...table(['code', 'what'], rows), ''];
}

function commandPart(command: Command): string[] {
  const spec = specOf(command);
  if (!spec) return [];
  const own = command.options.filter(
    ({ helpGroupHeading: heading }) => heading !== commonHeading && heading !== settingsHeading,
  );
  return [
    `## ${pathOf(command)}`,
    '',
    spec.summary + (spec.changes ? ' Changes something: takes `--dry-run`, is in the audit log.' : ''),
    '',
    ...fenced([`aovis-provision ${pathOf(command)} ${command.usage()}`.trimEnd()]),
    '',
    ...teaching(spec),
    ...section(command.registeredArguments.map(argumentRow), ['argument', 'what']),
    ...section(own.map(optionRow), ['option', 'what']),
    ...settingsOf(spec.settings),
    ...fenced(spec.examples.flatMap(({ line, does }) => [`# ${does}`, line])),
    '',
  ];
}

function teaching({ teaches }: CommandSpec): string[] {
  // Explanations with an example of a file are shown as they are; the others are prose.
  return teaches.includes('\n  ') ? [...fenced(teaches.split('\n')), ''] : [teaches, ''];
}

function settingsOf(names: readonly SettingName[] | undefined): string[] {
  if (!names || names.length === 0) return [];
  return [`Settings: ${names.map((name) => `\`${name}\``).join(', ')}.`, ''];
}

function section(rows: string[][], head: string[]): string[] {
  return rows.length === 0 ? [] : [...table(head, rows), ''];
}

function argumentRow(argument: Argument): string[] {
  const choices = argument.argChoices ? ` One of ${argument.argChoices.join(', ')}.` : '';
  return [
    `\`${argument.name()}\`${argument.required ? '' : ' (optional)'}`,
    `${argument.description}${choices}`,
  ];
}

function optionRow(option: Option): string[] {
  const choices = option.argChoices ? ` One of ${option.argChoices.join(', ')}.` : '';
  const value: unknown = option.defaultValue;
  const fallback = typeof value === 'string' ? ` Default: \`${value}\`.` : '';
  return [
    `\`${option.flags}\``,
    `${option.description}${choices}${option.mandatory ? ' Required.' : ''}${fallback}`,
  ];
}

function table(head: string[], rows: string[][]): string[] {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`);
}

function fenced(lines: readonly string[]): string[] {
  return ['```', ...lines, '```'];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function pathOf(command: Command): string {
  const words: string[] = [];
  for (let each: Command | null = command; each?.parent; each = each.parent) words.unshift(each.name());
  return words.join(' ');
}

function anchorOf(command: Command): string {
  return pathOf(command).replaceAll(' ', '-');
}
