import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { settingsHeading } from './command-maker.ts';
import { commandReference } from './command-reference.ts';
import { specOf } from './command-spec.ts';
import { describedProgram } from './described-program.ts';
import { commandsOf } from './program.ts';

const program = describedProgram();
const leaves = commandsOf(program).filter((command) => command.commands.length === 0);
const pathOf = (command: Command): string =>
  command.parent?.parent ? `${command.parent.name()} ${command.name()}` : command.name();

/** The words of an example, up to a pipe or a redirection; quotes hold words together. */
function wordsOf(line: string): string[] {
  const [own = ''] = line.split(/ [|>] /);
  return Array.from(own.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g), ([, a, b, c]) => a ?? b ?? c ?? '');
}

function childOf(command: Command, name: string | undefined): Command | undefined {
  return command.commands.find((child) => child.name() === name);
}

/** What is wrong with an example: a command, flag or value that does not exist. */
function faultOf(line: string): string | undefined {
  const [name, ...words] = wordsOf(line);
  if (name !== 'aovis-provision') return 'it does not begin with the name of the program';
  let command: Command = program;
  for (let child = childOf(command, words[0]); child; child = childOf(command, words[0])) {
    words.shift();
    command = child;
  }
  if (command.commands.length > 0) return `there is no command ${words[0]}`;
  const places: string[] = [];
  const missing = new Set(command.options.filter(({ mandatory }) => mandatory));
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (!word.startsWith('-') || word === '-') {
      places.push(word);
      continue;
    }
    const option = command.options.find(({ long, short }) => long === word || short === word);
    if (!option) return `there is no flag ${word}`;
    missing.delete(option);
    if (!option.required) continue;
    const value = words.shift();
    if (value === undefined) return `${word} lacks its value`;
    if (option.argChoices && !option.argChoices.includes(value)) return `${word} cannot be ${value}`;
  }
  const [lacking] = missing;
  if (lacking) return `${lacking.long} is missing`;
  const required = command.registeredArguments.filter((argument) => argument.required).length;
  if (places.length < required) return 'an argument is missing';
  return places.length > command.registeredArguments.length ? 'there is an argument too many' : undefined;
}

describe('every command', () => {
  it.each(leaves.map((command) => [pathOf(command), command] as const))('%s teaches', (path, command) => {
    const spec = specOf(command);
    expect(spec).toBeDefined();
    expect(spec?.summary).toMatch(/^[A-Z].*[.?]$/);
    expect(spec?.teaches.length).toBeGreaterThan(20);
    expect(spec?.examples.length).toBeGreaterThan(0);
    // Others may show what comes before or after.
    expect(spec?.examples.some(({ line }) => line.includes(`aovis-provision ${path}`))).toBe(true);
    for (const { line, does } of spec?.examples ?? []) {
      expect([line, faultOf(line)]).toEqual([line, undefined]);
      expect(does).not.toBe('');
    }
    for (const option of command.options)
      expect([option.flags, option.description]).not.toEqual([option.flags, '']);
    for (const argument of command.registeredArguments) expect(argument.description).not.toBe('');
    // Nothing that changes something goes without a rehearsal, and nothing else pretends to have one.
    expect(command.options.some(({ long }) => long === '--dry-run')).toBe(spec?.changes);
    // Secrets are typed or read from files (processes and shells show arguments to everybody).
    for (const { long, required } of command.options)
      if (required && /pass|pin|secret|token|password/.test(long ?? '')) expect(long).toMatch(/-file$/);
  });

  it('is in the reference, with its flags', () => {
    const reference = commandReference();
    for (const command of leaves) {
      expect(reference).toContain(`\n## ${pathOf(command)}\n`);
      for (const { flags, helpGroupHeading } of command.options)
        if (helpGroupHeading !== settingsHeading)
          expect(reference).toContain(`\`${flags.replace('|', '\\|')}\``);
    }
    expect(reference).toContain('| `region` | `AWS_REGION` |  | AWS region of the boards');
  });

  it.each(['docs/factory-sop.md', 'provisioning-tool/README.md'])('that %s names exists', async (path) => {
    const text = await readFile(join(import.meta.dirname ?? __dirname, '../../..', path), 'utf8');
    const groups = program.commands
      .filter((command) => command.commands.length > 0)
      .map((group) => group.name());
    const named = [
      ...text.matchAll(new RegExp(`(?<=\`(?:aovis-provision )?)(?:${groups.join('|')}) [a-z-]+`, 'g')),
    ];
    expect(named.length).toBeGreaterThan(10);
    expect(named.map(([words]) => words).filter((words) => !leaves.map(pathOf).includes(words))).toEqual([]);
    const flags = [...text.matchAll(/`(?:aovis-provision )?([a-z]+ [a-z-]+)((?: [^`|]*)?)[`|]/g)].flatMap(
      ([, path = '', rest = '']) => {
        const options = leaves.find((command) => pathOf(command) === path)?.options;
        const known = new Set(['--help', ...(options ?? []).map(({ long }) => long)]);
        return options === undefined
          ? []
          : (rest.match(/--[a-z0-9-]+[a-z0-9]/g) ?? [])
              .filter((flag) => !known.has(flag))
              .map((flag) => `${path} ${flag}`);
      },
    );
    expect(flags).toEqual([]);
  });

  it('that seals bundles for transport is in the procedure', async () => {
    const text = await readFile(
      join(import.meta.dirname ?? __dirname, '../../../docs/factory-sop.md'),
      'utf8',
    );
    const sealing = leaves.map(pathOf).filter((path) => path.startsWith('bundle '));
    expect(sealing).toHaveLength(4);
    for (const path of sealing) expect(text).toMatch(new RegExp(`\`${path}[ \`]`));
  });

  it('is found wanting when its example is', () => {
    expect(faultOf('aovis-provision batch fly')).toContain('no command fly');
    expect(faultOf('aovis-provision batch run boards.csv --fast')).toContain('no flag --fast');
    expect(faultOf('aovis-provision ca register --mode ALWAYS')).toContain('cannot be ALWAYS');
    expect(faultOf('aovis-provision batch run')).toContain('argument is missing');
    expect(faultOf('aovis-provision ca import')).toContain('--root-certificate is missing');
    expect(faultOf('aovis-provision batch run a b')).toContain('too many');
  });
});
