import type { Command } from 'commander';
import { collect, type Define, textOf } from './command-spec.ts';

/** Bundles on their way to the station that flashes them. */
export function addBundleCommands(program: Command, define: Define): void {
  const bundle = program.command('bundle').description('Bundles, sealed for their way to another station.');
  define(
    bundle,
    {
      name: 'keygen',
      summary: 'Make the key to which bundles are sealed for this station.',
      teaches:
        'Run it where the boards are flashed. An X25519 key of the age format; the private half stays on this computer, in a\n' +
        'file of mode 0600, the public half (age1…) goes to the station that seals.',
      examples: [{ line: 'aovis-provision bundle keygen', does: 'makes the key and prints its public half' }],
      changes: true,
    },
    async (context) => {
      const { bundleKeygen } = await import('../commands/bundle-commands.ts');
      await bundleKeygen(context);
    },
  );
  define(
    bundle,
    {
      name: 'key',
      summary: 'Show the public key to seal to.',
      teaches: 'The same as bundle keygen printed.',
      examples: [{ line: 'aovis-provision bundle key', does: 'prints age1…' }],
      changes: false,
    },
    async (context) => {
      const { bundleKey } = await import('../commands/bundle-commands.ts');
      await bundleKey(context);
    },
  );
  define(
    bundle,
    {
      name: 'seal',
      summary: 'Seal the bundles of a batch to another station’s key.',
      teaches:
        'One encrypted file (a tar in the age format) with the bundles of the finished boards; only the station whose key it\n' +
        'was sealed to opens it. Bundles that others could have read are refused. The bundles here stay; labels are not in it.',
      examples: [
        {
          line: 'aovis-provision bundle seal boards --recipient age1…',
          does: 'writes boards.tar.age and prints its SHA-256',
        },
        {
          line: 'aovis-provision bundle seal boards --serial N4K-000123 --recipient age1…',
          does: 'only one board, for example after device rotate: writes aovis-n4k-000123.tar.age',
        },
      ],
      changes: true,
    },
    async (context, flags, [batchId]) => {
      const { bundleSeal } = await import('../commands/bundle-commands.ts');
      const recipient = textOf(flags, 'recipient') ?? '';
      const boards = Array.isArray(flags['serial']) ? flags['serial'] : [];
      await bundleSeal(context, batchId ?? '', { recipient, to: textOf(flags, 'to'), boards });
    },
  )
    .argument('<batch>', 'name of the batch')
    .requiredOption('--recipient <key>', 'Public key of the station that opens it, age1….')
    .option(
      '--serial <board>',
      'Only this board, by serial or device id; may be given several times.',
      collect,
    )
    .option('--to <file>', 'File to write; default: <batch>.tar.age, of a single board <device id>.tar.age.');
  define(
    bundle,
    {
      name: 'open',
      summary: 'Open bundles that were sealed to this station.',
      teaches:
        'Each bundle is checked (files, key against certificate, certificate against device id) before any of them appears.\n' +
        'A file that was sealed to another key, changed or cut short is refused, and nothing is kept of it.',
      examples: [
        {
          line: 'aovis-provision bundle open boards.tar.age --sha256 9f86d0… --to ./boards',
          does: 'writes one folder for each board, mode 0700',
        },
      ],
      changes: true,
    },
    async (context, flags, [file]) => {
      const { bundleOpen } = await import('../commands/bundle-commands.ts');
      await bundleOpen(context, file ?? '', { sha256: String(flags['sha256']), to: String(flags['to']) });
    },
  )
    .argument('<file>', 'the sealed file')
    .requiredOption('--sha256 <hex>', 'What bundle seal printed, told by another way than the file.')
    .requiredOption('--to <dir>', 'Folder to make.');
}
