import { types } from 'node:util';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { BatchFlags } from './commands/batch-plan-command.ts';
import type { CommandContext, Surroundings } from './commands/command-context.ts';
import { diskRefusalOf, exitCodes, messageOf, Refusal } from './refusal.ts';
import { flagOf, settingNames, settings } from './settings.ts';
import { type Streams, Terminal } from './terminal/terminal.ts';

type Flags = Record<string, string | boolean | undefined>;
type Action = (context: CommandContext, flags: Flags, args: (string | undefined)[]) => Promise<void>;

const settingsHeading = 'Settings (also by environment or config.json):';
const commonHeading = 'Options of every command:';

/** Runs one command line and returns the exit code. Everything it says goes to `streams`. */
export async function run(
  argv: readonly string[],
  streams: Streams,
  surroundings: Surroundings,
): Promise<number> {
  const terminal = new Terminal(streams, outputOptions(argv), surroundings.env);
  try {
    await buildProgram(terminal, streams, surroundings).parseAsync([...argv], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    return report(terminal, error, surroundings);
  }
}

function report(terminal: Terminal, error: unknown, { env, signal }: Surroundings): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const reason = signal.aborted ? signal.reason : error;
  const refusal = reason instanceof Refusal ? reason : diskRefusalOf(reason);
  if (refusal) {
    terminal.fail(refusal);
    return refusal.exitCode;
  }
  terminal.fail({
    kind: 'unexpected',
    message: `A defect of this program: ${messageOf(reason)}. Nothing is lost; please report it with DEBUG=1 set.`,
    details: env['DEBUG'] && types.isNativeError(reason) ? (reason.stack?.split('\n') ?? []) : [],
    exitCode: exitCodes.unexpected,
  });
  return exitCodes.unexpected;
}

/** Known before the arguments are parsed, so that usage errors come in the wanted form too. */
function outputOptions(argv: readonly string[]) {
  return {
    json: argv.includes('--json'),
    plain: argv.includes('--plain'),
    input: !argv.includes('--no-input'),
  };
}

function buildProgram(terminal: Terminal, streams: Streams, surroundings: Surroundings): Command {
  const program = new Command('aovis-provision')
    .description(
      'Makes boards ready at the factory: keys, certificates, AWS IoT registration, bundles, labels.',
    )
    .version(surroundings.version)
    .showHelpAfterError('(aovis-provision --help shows what there is)')
    .addHelpText('after', programHelp);
  const command = commandMaker(terminal, surroundings);

  const ca = program.command('ca').description('The factory certificate authority.');
  command(ca, 'init', 'Make the root and the issuing CA.', 'passphrase', async (context, flags) => {
    const { caInit } = await import('./commands/ca-commands.ts');
    await caInit(context, {
      organization: String(flags['organization']),
      key: flags['key'] === 'rsa-3072' ? 'rsa-3072' : 'ec-p256',
      years: flags['years'] === 'never' ? 'never' : Number(flags['years']),
    });
  })
    .option('--organization <name>', 'Organisation named in the certificates.', 'AOVIS')
    .addOption(
      new Option('--key <kind>', 'Kind of the CA keys.').choices(['ec-p256', 'rsa-3072']).default('ec-p256'),
    )
    .option('--years <n|never>', 'Validity of the CA; boards cannot outlive it.', yearsArgument, '40')
    .addHelpText(
      'after',
      `
Example:
  aovis-provision ca init --organization AOVIS

The keys are encrypted (PKCS#8, PBKDF2 with 600,000 rounds, AES-256) with the passphrase you type; openssl reads
them. The passphrase is never taken from a flag or the environment. Nobody can help you if you lose it.`,
    );
  command(ca, 'register', 'Register the issuing CA with AWS IoT.', 'passphrase', async (context, flags) => {
    const { caRegister } = await import('./commands/ca-commands.ts');
    await caRegister(context, flags['mode'] === 'DEFAULT' ? 'DEFAULT' : 'SNI_ONLY');
  })
    .addOption(
      new Option('--mode <mode>', 'SNI_ONLY needs no proof; DEFAULT proves the key (passphrase needed).')
        .choices(['SNI_ONLY', 'DEFAULT'])
        .default('SNI_ONLY'),
    )
    .addHelpText('after', '\nMay be repeated. An inactive CA is activated again.');
  command(ca, 'show', 'Show the CA and where it is registered.', undefined, async (context) => {
    const { caShow } = await import('./commands/ca-commands.ts');
    await caShow(context);
  });

  const station = program.command('station').description('The key that signs what this station hands over.');
  command(station, 'init', 'Make the station key (Ed25519).', undefined, async (context) => {
    const { stationInit } = await import('./commands/station-commands.ts');
    await stationInit(context);
  });
  command(station, 'show', 'Show the public key to register at the backend.', undefined, async (context) => {
    const { stationShow } = await import('./commands/station-commands.ts');
    await stationShow(context);
  });

  const batch = program.command('batch').description('Batches of boards, each from a CSV file.');
  command(
    batch,
    'plan',
    'Check a CSV and say what a run would do.',
    undefined,
    async (context, flags, [csv]) => {
      const { batchPlan } = await import('./commands/batch-plan-command.ts');
      await batchPlan(context, batchFlags(csv, flags));
    },
  )
    .argument('<boards.csv>', 'header row: serial,model and optionally iccid')
    .option('--batch <name>', 'Name of the batch; default: the name of the file.')
    .addHelpText('after', csvHelp);
  command(batch, 'run', 'Provision the boards of a CSV; resumes by itself.', 'passphrase', runOrPlan)
    .argument('<boards.csv>', 'header row: serial,model and optionally iccid')
    .option('--batch <name>', 'Name of the batch; default: the name of the file.')
    .addHelpText('after', csvHelp);
  command(batch, 'status', 'Show where the boards stand.', undefined, async (context, _flags, [batchId]) => {
    const { batchStatus } = await import('./commands/batch-status-command.ts');
    await batchStatus(context, batchId);
  }).argument('[batch]', 'name of a batch; without: all of them');
  command(
    batch,
    'verify',
    'Check bundles, labels and registry.',
    undefined,
    async (context, flags, [batchId]) => {
      const { batchVerify } = await import('./commands/batch-verify-command.ts');
      await batchVerify(context, batchId ?? '', flags['offline'] === true);
    },
  )
    .argument('<batch>', 'name of the batch')
    .option('--offline', 'Do not ask AWS IoT.');

  for (const each of [program, ...program.commands, ...program.commands.flatMap((group) => group.commands)]) {
    each.exitOverride().configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      writeErr: (text) => streams.stderr.write(text),
    });
  }
  return program;
}

const runOrPlan: Action = async (context, flags, [csv]) => {
  if (context.flags.dryRun) {
    const { batchPlan } = await import('./commands/batch-plan-command.ts');
    await batchPlan(context, batchFlags(csv, flags));
    return;
  }
  const { batchRun } = await import('./commands/batch-run-command.ts');
  await batchRun(context, batchFlags(csv, flags));
};

function batchFlags(csv: string | undefined, flags: Flags): BatchFlags {
  return { csv: csv ?? '', batchId: typeof flags['batch'] === 'string' ? flags['batch'] : undefined };
}

function yearsArgument(text: string): string {
  if (text === 'never' || (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 500)) return text;
  throw new InvalidArgumentError('Give years, e.g. 40, or never.');
}

/** Gives each command the options that all have, and turns what was parsed into a context. */
function commandMaker(terminal: Terminal, surroundings: Surroundings) {
  return (
    parent: Command,
    name: string,
    description: string,
    passphrase: 'passphrase' | undefined,
    action: Action,
  ) => {
    const command = parent.command(name).description(description);
    const common = (flags: string, text: string) =>
      command.addOption(new Option(flags, text).helpGroup(commonHeading));
    command.addOption(
      new Option('-w, --workspace <dir>', 'Folder with the CA, the journal and the batches.')
        .default(surroundings.env['AOVIS_WORKSPACE'] || './factory')
        .helpGroup(commonHeading),
    );
    if (passphrase)
      common('--passphrase-file <file>', 'File (mode 0600) with the passphrase of the CA keys.');
    common('-n, --dry-run', 'Only say what would be done.');
    common('--json', 'Answer in JSON on stdout; errors in JSON on stderr.');
    common('--plain', 'No colours, no bars, tab-separated columns.');
    common('--no-input', 'Never ask; fail instead.');
    for (const setting of settingNames) {
      const row: { sentence: string; variable: string; default?: string } = settings[setting];
      const origin = row.default ? `${row.variable}, default ${row.default}` : row.variable;
      command.addOption(
        new Option(`${flagOf(setting)} <value>`, `${row.sentence} [${origin}]`).helpGroup(settingsHeading),
      );
    }
    command.action(async () => {
      const flags: Flags = command.opts();
      const text = (key: string) => (typeof flags[key] === 'string' ? flags[key] : undefined);
      const { CommandContext: Context } = await import('./commands/command-context.ts');
      const context = new Context(terminal, surroundings, {
        workspace: text('workspace') ?? './factory',
        settings: Object.fromEntries(settingNames.map((setting) => [setting, text(camelCase(setting))])),
        passphraseFile: text('passphraseFile'),
        dryRun: flags['dryRun'] === true,
      });
      await action(context, flags, command.args);
    });
    return command;
  };
}

function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

const programHelp = `
A factory's first day:
  aovis-provision ca init                         make the CA (once)
  aovis-provision ca register --region eu-central-1   tell AWS IoT (once a region)
  aovis-provision station init --station-id line-1    make this station's key (once)
  aovis-provision batch plan boards.csv           check the list, see how long it takes
  aovis-provision batch run boards.csv            do it; after any interruption run it again

Exit codes: 0 done, 2 usage or settings, 3 CSV not valid and nothing done, 4 partly done, run again,
5 CA, 6 credentials, 7 conflict with what is there already, 8 journal or disk, 130 interrupted.`;

const csvHelp = `
The CSV:
  serial,model,iccid
  N4K-000123,n4k,8944500102198304826
  N4K-000124,n4k,

Example:
  aovis-provision batch run boards.csv --region eu-central-1 --root-ca-file AmazonRootCA1.pem

Interrupted at any instant (power cut, kill -9, Ctrl-C), the same command goes on where it stopped.`;
