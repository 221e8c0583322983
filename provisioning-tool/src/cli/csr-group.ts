import type { Command } from 'commander';
import { batchFlags, printedCodesOption } from './batch-group.ts';
import type { Define } from './command-spec.ts';
import { batchSettings } from './setting-groups.ts';

/** Boards that make and keep their own keys (secure elements). */
export function addCsrCommands(program: Command, define: Define): void {
  const csr = program
    .command('csr')
    .description('Boards with secure elements: the key never leaves the board.');
  define(
    csr,
    {
      name: 'sign',
      summary: 'Provision the boards of a CSV by their own certificate requests; resumes by itself.',
      teaches:
        'As «batch run», but no keys are made: each board has a PKCS#10 request, <serial>.csr or <serial>.pem (PEM or DER).\n' +
        'All are verified before anything happens: the signature (the board holds the key), the key (EC P-256, or RSA of\n' +
        '2048 to 4096 bits), the name, and that no other board ever had this key. Of the request only the key is taken\n' +
        'over. Bundles have no device.key. Status, verify, labels and the rest work as for any batch.',
      examples: [
        {
          line: 'aovis-provision csr sign boards.csv --csr-dir ./requests --region eu-central-1',
          does: 'signs ./requests/N4K-000123.csr and so on; after any interruption run it again',
        },
        {
          line: 'aovis-provision csr sign boards.csv --csr-dir ./requests --dry-run',
          does: 'checks the list and says how long it takes',
        },
      ],
      changes: true,
      passphrase: true,
      settings: batchSettings,
    },
    async (context, flags, [csv]) => {
      const batch = batchFlags(csv, flags);
      if (context.flags.dryRun) {
        const { batchPlan } = await import('../commands/batch-plan-command.ts');
        await batchPlan(context, batch);
        return;
      }
      const { batchRun } = await import('../commands/batch-run-command.ts');
      await batchRun(context, batch, String(flags['csrDir']));
    },
  )
    .argument('<boards.csv>', 'header row: serial,model and optionally iccid')
    .option('--batch <name>', 'Name of the batch; default: the name of the file.')
    .option(...printedCodesOption)
    .requiredOption('--csr-dir <dir>', 'Folder with the requests.');
}
