import type { Command } from 'commander';
import type { BatchFlags } from '../commands/batch-plan-command.ts';
import type { SettingName } from '../settings.ts';
import type { Action, Define, Flags } from './command-spec.ts';
import { awsSettings, batchSettings } from './setting-groups.ts';

const csvArgument = ['<boards.csv>', 'header row: serial,model and optionally iccid'] as const;
const batchOption = ['--batch <name>', 'Name of the batch; default: the name of the file.'] as const;

/** For the commands that begin a batch. */
export const printedCodesOption = [
  '--printed-codes',
  'The boards keep the labels of an old system, whose codes the backend has.',
] as const;

export function addBatchCommands(program: Command, define: Define): void {
  const batch = program.command('batch').description('Batches of boards, each from a CSV file.');
  define(
    batch,
    {
      name: 'plan',
      summary: 'Check a CSV and say what a run would do.',
      teaches: csvHelp,
      examples: [
        {
          line: 'aovis-provision batch plan boards.csv --region eu-central-1',
          does: 'checks every row, asks the backend whether it knows one of the boards, and says how long it takes',
        },
      ],
      changes: false,
      settings: batchSettings,
    },
    async (context, flags, [csv]) => {
      const { batchPlan } = await import('../commands/batch-plan-command.ts');
      await batchPlan(context, batchFlags(csv, flags));
    },
  )
    .argument(...csvArgument)
    .option(...batchOption)
    .option(...printedCodesOption);
  define(
    batch,
    {
      name: 'run',
      summary: 'Provision the boards of a CSV; resumes by itself.',
      teaches: csvHelp,
      examples: [
        {
          line: 'aovis-provision batch run boards.csv --region eu-central-1 --root-ca-file AmazonRootCA1.pem',
          does: 'makes the boards; after any interruption run it again',
        },
        { line: 'aovis-provision batch run boards.csv --dry-run', does: 'the same as batch plan' },
        {
          line: 'aovis-provision batch run old-boards.csv --printed-codes',
          does: 'makes keys and certificates for boards that have labels already; the backend must have their codes (label import)',
        },
      ],
      changes: true,
      passphrase: true,
      settings: batchSettings,
    },
    runOrPlan,
  )
    .argument(...csvArgument)
    .option(...batchOption)
    .option(...printedCodesOption);
  define(
    batch,
    {
      name: 'status',
      summary: 'Show where the boards stand.',
      teaches:
        'Reads the journal only, also while a run is going on. A board counts once, at the furthest point it reached.',
      examples: [
        { line: 'aovis-provision batch status', does: 'one line for each batch' },
        { line: 'aovis-provision batch status boards', does: 'the stages of one batch, and what failed' },
      ],
      changes: false,
    },
    async (context, _flags, [batchId]) => {
      const { batchStatus } = await import('../commands/batch-status-command.ts');
      await batchStatus(context, batchId);
    },
  ).argument('[batch]', 'name of a batch; without: all of them');
  define(
    batch,
    {
      name: 'verify',
      summary: 'Check bundles, labels, registry and backend.',
      teaches:
        'For each finished board: modes and content of the bundle, key against certificate, certificate against CA and\n' +
        'journal, code against what was handed over, the registry of AWS IoT (certificate, thing, attachments), what the\n' +
        'backend has of it; and keys that two boards share. Problems end it with exit code 7.',
      examples: [
        {
          line: 'aovis-provision batch verify boards',
          does: 'checks everything, asking AWS IoT and the backend',
        },
        { line: 'aovis-provision batch verify boards --offline', does: 'checks what lies on this disk' },
      ],
      changes: false,
      settings: comparisonSettings,
    },
    async (context, flags, [batchId]) => {
      const { batchVerify } = await import('../commands/batch-verify-command.ts');
      await batchVerify(context, batchId ?? '', flags['offline'] === true);
    },
  )
    .argument('<batch>', 'name of the batch')
    .option('--offline', 'Ask neither AWS IoT nor the backend.');
  define(
    batch,
    {
      name: 'reconcile',
      summary: 'Find what disk, journal, AWS IoT and backend disagree on, and mend it.',
      teaches:
        'Looks for all that «verify» does, and for what nobody knows: certificates of our CA, things, bundles and labels\n' +
        'without a board. Says for each difference what would mend it, or what somebody has to decide. Mends only with\n' +
        '--apply, with a record in the journal before and after each repair; a certificate is never made ACTIVE again that\n' +
        'somebody switched off. What is left ends it with exit code 7.',
      examples: [
        { line: 'aovis-provision batch reconcile boards', does: 'says what differs, and changes nothing' },
        { line: 'aovis-provision batch reconcile boards --apply', does: 'mends what a program may mend' },
      ],
      changes: true,
      settings: comparisonSettings,
    },
    async (context, flags, [batchId]) => {
      const { batchReconcile } = await import('../commands/batch-reconcile-command.ts');
      await batchReconcile(context, batchId ?? '', flags['apply'] === true && !context.flags.dryRun);
    },
  )
    .argument('<batch>', 'name of the batch')
    .option('--apply', 'Mend what can be mended; without it nothing is changed.');
  define(
    batch,
    {
      name: 'merge',
      summary: "Take over another station's boards of a batch.",
      teaches:
        "Reads the other station's workspace (a copy on an encrypted disk will do; its journal is verified), checks each of its\n" +
        'finished boards as «verify» does, and takes over bundle, label and manifest, so that one station can print, verify and\n' +
        'change them all. Begin the batch here first, with a list of this station’s own. A board that both made is refused\n' +
        'before anything is done. May be repeated. Then delete what the other station has, or go on there, but not both.',
      examples: [
        {
          line: 'aovis-provision batch merge boards --from /media/line-2/factory --dry-run',
          does: 'looks only',
        },
        { line: 'aovis-provision batch merge boards --from /media/line-2/factory', does: 'takes them over' },
      ],
      changes: true,
    },
    async (context, flags, [batchId]) => {
      const { batchMerge } = await import('../commands/batch-merge-command.ts');
      await batchMerge(context, batchId ?? '', String(flags['from']));
    },
  )
    .argument('<batch>', 'name of the batch, the same at both stations')
    .requiredOption('--from <workspace>', "The other station's workspace.");
  define(
    batch,
    {
      name: 'export',
      summary: 'Write the manifests and the rows that are not finished into a folder.',
      teaches:
        'boards.csv says where each board stands, failed.csv has the rows that are not finished and why, manifests/ what was\n' +
        'handed over, signed. Nothing in it is secret. failed.csv can be fed back as it is: batch run goes on with those\n' +
        'boards alone.',
      examples: [
        { line: 'aovis-provision batch export boards --to ./boards-export', does: 'writes a new folder' },
        {
          line: 'aovis-provision batch run ./boards-export/failed.csv --batch boards',
          does: 'goes on with what is not finished',
        },
      ],
      changes: true,
    },
    async (context, flags, [batchId]) => {
      const { batchExport } = await import('../commands/batch-export-command.ts');
      await batchExport(context, batchId ?? '', String(flags['to']));
    },
  )
    .argument('<batch>', 'name of the batch')
    .requiredOption('--to <dir>', 'Folder to make.');
}

const comparisonSettings = [
  ...awsSettings,
  'backend_url',
  'policy',
  'thing_group',
  'thing_type',
  'role_alias',
  'certificate_registration',
  'boards_in_flight',
  'service_quotas_url',
  'tps_describe_certificate',
] as const satisfies readonly SettingName[];

const runOrPlan: Action = async (context, flags, [csv]) => {
  if (context.flags.dryRun) {
    const { batchPlan } = await import('../commands/batch-plan-command.ts');
    await batchPlan(context, batchFlags(csv, flags));
    return;
  }
  const { batchRun } = await import('../commands/batch-run-command.ts');
  await batchRun(context, batchFlags(csv, flags));
};

export function batchFlags(csv: string | undefined, flags: Flags): BatchFlags {
  return {
    csv: csv ?? '',
    batchId: typeof flags['batch'] === 'string' ? flags['batch'] : undefined,
    printedCodes: flags['printedCodes'] === true,
  };
}

const csvHelp = `The CSV:
  serial,model,iccid
  N4K-000123,n4k,8944500102198304826
  N4K-000124,n4k,

Interrupted at any instant (power cut, kill -9, Ctrl-C), batch run goes on where it stopped.`;
