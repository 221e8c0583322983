import type { Argument, Command, Option } from 'commander';
import { exitCodeMeanings } from '../refusal.ts';
import type { SettingName } from '../settings.ts';
import { type CommandSpec, specOf } from './command-spec.ts';
import {
  argumentSentence,
  commonOptionsOf,
  describedProgram,
  leavesOf,
  optionSentence,
  ownOptionsOf,
  pathOf,
  settingRows,
} from './described-program.ts';

/** `docs/provisioning-commands.md`: every command as its help tells it, in one page to search. */
export function commandReference(): string {
  const program = describedProgram();
  const leaves = leavesOf(program);
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
  return [
    '## Options of every command',
    '',
    '`--dry-run` is there where a command changes something, the passphrase and the PIN where it uses the CA.',
    '',
    ...table(['option', 'what'], commonOptionsOf(leaves).map(optionRow)),
    '',
  ];
}

function settingsPart(): string[] {
  const rows = settingRows().map(({ name, variable, fallback, sentence }) => [
    `\`${name}\``,
    `\`${variable}\``,
    fallback === undefined ? '' : `\`${fallback}\``,
    sentence,
  ]);
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
  return [
    `## ${pathOf(command)}`,
    '',
    spec.summary + (spec.changes ? ' Changes something: takes `--dry-run`, is in the audit log.' : ''),
    '',
    ...fenced([`aovis-provision ${pathOf(command)} ${command.usage()}`.trimEnd()]),
    '',
    ...teaching(spec),
    ...section(command.registeredArguments.map(argumentRow), ['argument', 'what']),
    ...section(ownOptionsOf(command).map(optionRow), ['option', 'what']),
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
  return [`\`${argument.name()}\`${argument.required ? '' : ' (optional)'}`, argumentSentence(argument)];
}

function optionRow(option: Option): string[] {
  return [`\`${option.flags}\``, optionSentence(option, '`')];
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

function anchorOf(command: Command): string {
  return pathOf(command).replaceAll(' ', '-');
}
