import { type Command, Help, Option } from 'commander';
import type { AuditedCommand } from '../audit/audited.ts';
import type { CommandContext, Surroundings } from '../commands/command-context.ts';
import { flagOf, type SettingName, settingNames, settings } from '../settings.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type CommandSpec, type Define, type Flags, rememberSpec } from './command-spec.ts';

export const settingsHeading = 'Settings (also by environment or config.json):';
export const commonHeading = 'Options of every command:';

/** Gives each command the options it shares with others and its help, and turns what was parsed into a context. */
export function commandMaker(terminal: Terminal, surroundings: Surroundings): Define {
  return (group, spec, action) => {
    const command = group
      .command(spec.name)
      .description(spec.summary)
      .configureHelp({ groupItems: ownOptionsFirst })
      .addHelpText('after', teachingOf(spec));
    rememberSpec(command, spec);
    addCommonOptions(command, spec, surroundings.env['AOVIS_WORKSPACE']);
    for (const name of spec.settings ?? []) command.addOption(settingOption(name));
    command.action(async () => {
      const flags: Flags = command.opts();
      const text = (key: string) => (typeof flags[key] === 'string' ? flags[key] : undefined);
      const { CommandContext: Context } = await import('../commands/command-context.ts');
      const context = new Context(terminal, surroundings, {
        workspace: text('workspace') ?? './factory',
        settings: Object.fromEntries(settingNames.map((setting) => [setting, text(camelCase(setting))])),
        passphraseFile: text('passphraseFile'),
        pinFile: text('pinFile'),
        dryRun: flags['dryRun'] === true,
      });
      const run = () => action(context, flags, command.args);
      if (!spec.changes || context.flags.dryRun) return await run();
      const { audited } = await import('../audit/audited.ts');
      await audited(context.audit, auditedCommandOf(command, context), async (begun) => {
        context.begun = begun;
        await run();
      });
    });
    return command;
  };
}

function auditedCommandOf(command: Command, { workspace, surroundings }: CommandContext): AuditedCommand {
  const { version: toolVersion, signal } = surroundings;
  return {
    command: `${command.parent?.name()} ${command.name()}`,
    words: wordsOf(command),
    toolVersion,
    workspace,
    signal,
  };
}

/** Arguments and flags as given; defaults and what came from the environment are left out. */
function wordsOf(command: Command): string[] {
  // A flag and its --no- form share one value; only the form that was given says it.
  const given = command.options.filter(
    (option) =>
      command.getOptionValueSource(option.attributeName()) === 'cli' &&
      command.getOptionValue(option.attributeName()) !== option.negate,
  );
  const flags = given.map((option) => {
    const value: unknown = command.getOptionValue(option.attributeName());
    return typeof value === 'boolean' ? `${option.long}` : `${option.long}=${String(value)}`;
  });
  return [...command.args, ...flags];
}

/** What is a command's own stands before what it has in common with others. */
function ownOptionsFirst<T extends Command | Option>(
  all: T[],
  visible: T[],
  headingOf: (item: T) => string,
): Map<string, T[]> {
  const groups = [...new Help().groupItems(all, visible, headingOf)];
  const isShared = ([heading]: [string, T[]]) => heading === commonHeading || heading === settingsHeading;
  return new Map([...groups.filter((group) => !isShared(group)), ...groups.filter(isShared)]);
}

function addCommonOptions(command: Command, spec: CommandSpec, workspace: string | undefined): void {
  const common = (flags: string, text: string) =>
    command.addOption(new Option(flags, text).helpGroup(commonHeading));
  command.addOption(
    new Option('-w, --workspace <dir>', 'Folder with the CA, the journal and the batches.')
      .default(workspace || './factory')
      .helpGroup(commonHeading),
  );
  if (spec.passphrase) {
    common('--passphrase-file <file>', 'File (mode 0600) with the passphrase of the CA keys.');
    common(
      '--pin-file <file>',
      'File (mode 0600) with the PIN of the token, where the issuing key is on one.',
    );
  }
  if (spec.changes) common('-n, --dry-run', 'Only say what would be done.');
  common('--json', 'Answer in JSON on stdout; errors in JSON on stderr.');
  common('--plain', 'No colours, no bars, tab-separated columns.');
  common('--no-input', 'Never ask; fail instead.');
}

function settingOption(name: SettingName): Option {
  const row: { sentence: string; variable: string; default?: string } = settings[name];
  const origin = row.default ? `${row.variable}, default ${row.default}` : row.variable;
  return new Option(`${flagOf(name)} <value>`, `${row.sentence} [${origin}]`).helpGroup(settingsHeading);
}

function teachingOf({ teaches, examples }: CommandSpec): string {
  const shown = examples.map(({ line, does }) => `  ${line}\n      ${does}`);
  return `\n${teaches}\n\n${examples.length === 1 ? 'Example' : 'Examples'}:\n${shown.join('\n')}`;
}

function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}
