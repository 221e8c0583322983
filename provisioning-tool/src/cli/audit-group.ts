import { type Command, InvalidArgumentError } from 'commander';
import { type Define, textOf } from './command-spec.ts';

export function addAuditCommands(program: Command, define: Define): void {
  const audit = program
    .command('audit')
    .description('Who did what at this station, and proof that it is all there.');
  define(
    audit,
    {
      name: 'show',
      summary: 'Show who did what.',
      teaches:
        'Every command that changes something writes a line when it begins and one when it ends; prints of labels have\n' +
        'a line of their own, reprints with their reason. No secret is in it. The chain is checked while it is read.',
      examples: [
        { line: 'aovis-provision audit show', does: 'the last 50 entries' },
        {
          line: 'aovis-provision audit show --batch boards --since 2026-11-01',
          does: 'what was done with one batch since that day',
        },
        { line: 'aovis-provision audit show --last 100000 --json', does: 'everything, for programs' },
      ],
      changes: false,
    },
    async (context, flags) => {
      const { auditShow } = await import('../commands/audit-commands.ts');
      await auditShow(context, {
        since: textOf(flags, 'since'),
        operator: textOf(flags, 'operator'),
        batchId: textOf(flags, 'batch'),
        last: Number(flags['last']),
      });
    },
  )
    .option('--last <n>', 'How many of the last entries.', countArgument, '50')
    .option('--since <time>', 'Only from this time on, e.g. 2026-11-21 (UTC).')
    .option('--operator <account>', 'Only what this account did.')
    .option('--batch <name>', 'Only what concerns this batch.');
  define(
    audit,
    {
      name: 'verify',
      summary: 'Check that nothing was changed or cut off.',
      teaches:
        'Each line of the audit log and of the journal carries the SHA-256 of the line before it, and the audit log the\n' +
        'last line of the journal: a changed, missing or reordered line shows. That the ends were not cut off shows only\n' +
        'against something kept elsewhere: write down what this command prints last, on paper or in the office, and give\n' +
        'it next time with --noted.',
      examples: [
        { line: 'aovis-provision audit verify', does: 'checks both files and prints what to note' },
        {
          line: `aovis-provision audit verify --noted 12:${'0'.repeat(64)}`,
          does: 'also proves that line 12 is still the one that was noted, and everything before it',
        },
      ],
      changes: false,
    },
    async (context, flags) => {
      const { auditVerify } = await import('../commands/audit-commands.ts');
      await auditVerify(context, textOf(flags, 'noted'));
    },
  ).option('--noted <line:sha256>', 'What an earlier audit verify printed last.');
}

function countArgument(text: string): string {
  if (/^[1-9]\d{0,6}$/.test(text)) return text;
  throw new InvalidArgumentError('Give a number from 1 to 9999999.');
}
