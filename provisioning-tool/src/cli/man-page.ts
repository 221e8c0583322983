import type { Command } from 'commander';
import { exitCodeMeanings } from '../refusal.ts';
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

/** `man aovis-provision`, in the macros of man(7), which groff and mandoc know: every command as its help tells it. */
export function manPage(): string {
  const program = describedProgram();
  const leaves = leavesOf(program);
  return [
    '.\\" -*- coding: utf-8 -*-',
    '.\\" Made from the program by: npm run check:generated -- --write',
    '.TH AOVIS-PROVISION 1 "" "AOVIS Direct" "Factory provisioning"',
    '.SH NAME',
    `aovis-provision \\- ${text('makes boards ready at the factory')}`,
    '.SH SYNOPSIS',
    '.B aovis-provision',
    '.I command',
    '[\\fIargument\\fR ...] [\\fIoption\\fR ...]',
    '.SH DESCRIPTION',
    ...prose(program.description()),
    '.PP',
    ...prose('Standard output is data, standard error is messages. Secrets are typed or read from files.'),
    '.SH COMMANDS',
    ...leaves.flatMap(commandPart),
    '.SH OPTIONS OF EVERY COMMAND',
    ...prose(
      '--dry-run is there where a command changes something, passphrase and PIN where it uses the CA.',
    ),
    ...commonOptionsOf(leaves).flatMap((option) => item(option.flags, optionSentence(option))),
    '.SH SETTINGS',
    ...prose(
      'From the flag (-- and the name with hyphens) of the commands that name it, else the variable, else config.json in the workspace, else the default.',
    ),
    ...settingRows().flatMap(({ name, variable, fallback, sentence }) =>
      item(`${name}, ${variable}`, sentence + (fallback === undefined ? '' : ` Default: ${fallback}.`)),
    ),
    '.SH EXIT STATUS',
    ...Object.entries(exitCodeMeanings).flatMap(([code, meaning]) => item(code, meaning)),
    '',
  ].join('\n');
}

function commandPart(command: Command): string[] {
  const spec = specOf(command);
  if (!spec) return [];
  return [
    `.SS ${text(pathOf(command))}`,
    `.B ${text(`aovis-provision ${pathOf(command)} ${command.usage()}`.trimEnd())}`,
    '.PP',
    ...prose(
      `${spec.summary}${spec.changes ? ' Changes something: takes --dry-run, is in the audit log.' : ''}`,
    ),
    '.PP',
    ...teaching(spec),
    ...command.registeredArguments.flatMap((argument) => item(argument.name(), argumentSentence(argument))),
    ...ownOptionsOf(command).flatMap((option) => item(option.flags, optionSentence(option))),
    ...settingsOf(spec),
    '.PP',
    ...example(spec.examples.flatMap(({ line, does }) => [`# ${does}`, line])),
  ];
}

/** Explanations with an example of a file are shown as they are; the others are prose. */
function teaching({ teaches }: CommandSpec): string[] {
  return teaches.includes('\n  ') ? example(teaches.split('\n')) : prose(teaches);
}

function settingsOf({ settings = [] }: CommandSpec): string[] {
  return settings.length === 0 ? [] : ['.PP', ...prose(`Settings: ${settings.join(', ')}.`)];
}

function item(term: string, sentence: string): string[] {
  return ['.TP', `.B ${text(term)}`, ...prose(sentence)];
}

/** Lines that are not filled. */
function example(lines: readonly string[]): string[] {
  return ['.nf', '.RS', ...lines.map(text), '.RE', '.fi'];
}

function prose(sentences: string): string[] {
  return sentences.split('\n').map(text);
}

/** A line of text: no request, and hyphens that can be copied into a shell. */
function text(line: string): string {
  const plain = line.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('"', '\\(dq');
  return /^[.']/.test(plain) ? `\\&${plain}` : plain;
}
