import type { Argument, Command, Option } from 'commander';
import { presets } from '../labels/label-format.ts';

/** What a shell may offer where a value is wanted. */
export type Values =
  | { kind: 'files' }
  | { kind: 'folders' }
  | { kind: 'batches' }
  | { kind: 'words'; words: readonly string[] }
  /** Something only the operator knows. */
  | { kind: 'unknown' };

export interface CompletionFlag {
  /** `--out`, and `-o` if it has a short form. */
  names: readonly string[];
  about: string;
  /** Undefined for a switch. */
  values: Values | undefined;
}

/** A command, or a group of them, as a shell completes it. */
export interface CompletionNode {
  /** `labels print`; empty for the program. */
  path: string;
  commands: readonly { name: string; about: string }[];
  flags: readonly CompletionFlag[];
  arguments: readonly Values[];
}

/** Values of flags that the flag's own text does not tell. */
const known: Readonly<Record<string, Values>> = {
  '--batch': { kind: 'batches' },
  '--label-format': { kind: 'words', words: Object.keys(presets) },
  '--certificate-registration': { kind: 'words', words: ['ca', 'without-ca'] },
  '--root-ca-file': { kind: 'files' },
};

export function completionTree(program: Command): CompletionNode[] {
  return nodesOf(program, []);
}

function nodesOf(command: Command, path: readonly string[]): CompletionNode[] {
  const node: CompletionNode = {
    path: path.join(' '),
    commands: command.commands.map((child) => ({ name: child.name(), about: child.description() })),
    flags: [
      ...command.options.map(flagOf),
      { names: ['--help', '-h'], about: 'Show help.', values: undefined },
    ],
    arguments: command.registeredArguments.map(valuesOfArgument),
  };
  return [node, ...command.commands.flatMap((child) => nodesOf(child, [...path, child.name()]))];
}

function flagOf(option: Option): CompletionFlag {
  const names = [option.long, option.short].filter((name) => name !== undefined && name !== null);
  return {
    names,
    about: option.description,
    values: option.required || option.optional ? valuesOfOption(option) : undefined,
  };
}

function valuesOfOption(option: Option): Values {
  if (option.argChoices) return { kind: 'words', words: option.argChoices };
  return known[option.long ?? ''] ?? valuesOfPlaceholder(/[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1] ?? '');
}

function valuesOfArgument(argument: Argument): Values {
  if (argument.argChoices) return { kind: 'words', words: argument.argChoices };
  return valuesOfPlaceholder(argument.name());
}

function valuesOfPlaceholder(name: string): Values {
  if (name === 'file' || name.includes('.')) return { kind: 'files' };
  if (name === 'dir') return { kind: 'folders' };
  return name === 'batch' ? { kind: 'batches' } : { kind: 'unknown' };
}
