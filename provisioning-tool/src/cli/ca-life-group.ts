import { type Command, Option } from 'commander';
import { issuingKeyOption, keyKindOf, keyKindOption, textOf, yearsArgument, yearsOf } from './ca-options.ts';
import type { Define } from './command-spec.ts';
import { keySettings } from './setting-groups.ts';

/** What happens to a CA after it was made. */
export function addCaLifeCommands(ca: Command, define: Define): void {
  addImport(ca, define);
  addRollOver(ca, define);
  addPassphrase(ca, define);
}

function addImport(ca: Command, define: Define): void {
  define(
    ca,
    {
      name: 'import',
      summary: 'Take over a CA that was made elsewhere.',
      teaches:
        'Root and issuing certificate are checked first: signatures, CA:TRUE, keyCertSign, path length, validity, key\n' +
        'strength, and that the key is that of the issuing certificate. A key file is encrypted anew, with 600,000 rounds\n' +
        'of PBKDF2 under the same passphrase; destroy the original. Nothing is written when something does not fit.',
      examples: [
        {
          line: 'aovis-provision ca import --root-certificate root.crt --issuing-certificate issuing.crt --issuing-key-file issuing.key',
          does: 'asks for the passphrase of issuing.key, and takes all three over into ./factory/ca',
        },
        {
          line: 'aovis-provision ca import --root-certificate root.crt --issuing-certificate issuing.crt --issuing-key arn:aws:kms:eu-central-1:123456789012:key/1f3b…',
          does: 'the issuing key stays in AWS KMS',
        },
      ],
      changes: true,
      passphrase: true,
      settings: keySettings,
    },
    async (context, flags) => {
      const { caImport } = await import('../commands/ca-life-commands.ts');
      await caImport(context, {
        rootCertificate: String(flags['rootCertificate']),
        issuingCertificate: String(flags['issuingCertificate']),
        issuingKeyFile: textOf(flags, 'issuingKeyFile'),
        issuingKey: textOf(flags, 'issuingKey'),
      });
    },
  )
    .requiredOption('--root-certificate <file>', 'Certificate of the root, PEM.')
    .requiredOption('--issuing-certificate <file>', 'Certificate of the issuing CA, PEM.')
    .option('--issuing-key-file <file>', 'Its private key, PEM, mode 0600.')
    .addOption(issuingKeyOption());
}

function addRollOver(ca: Command, define: Define): void {
  define(
    ca,
    {
      name: 'roll-over',
      summary: 'Make a new issuing CA under the same root.',
      teaches:
        'For a key that is old, suspect, or to move into a token or a KMS. Batches that are open go on: boards that were\n' +
        'issued keep their certificates and verify, the others come under the new CA. Bring the root key for this once\n' +
        '(--root-key-file), then tell AWS: aovis-provision ca register. Leave the former CA registered and active at AWS\n' +
        'IoT as long as its boards live; its key is not needed any more: move it away.',
      examples: [
        {
          line: 'aovis-provision ca roll-over --root-key-file /media/safe/root.key',
          does: 'asks for the passphrase of the root key, makes ca/issuing-2, which signs from then on',
        },
        {
          line: 'aovis-provision ca roll-over --issuing-key arn:aws:kms:eu-central-1:123456789012:key/1f3b…',
          does: 'the new issuing key stays in AWS KMS',
        },
      ],
      changes: true,
      passphrase: true,
      settings: keySettings,
    },
    async (context, flags) => {
      const { caRollOver } = await import('../commands/ca-life-commands.ts');
      await caRollOver(context, {
        key: keyKindOf(flags),
        years: yearsOf(flags),
        rootKeyFile: textOf(flags, 'rootKeyFile'),
        rootPassphraseFile: textOf(flags, 'rootPassphraseFile'),
        issuingKey: textOf(flags, 'issuingKey'),
      });
    },
  )
    .addOption(keyKindOption())
    .option('--years <n|never>', 'Validity of the issuing CA; boards cannot outlive it.', yearsArgument, '30')
    .option('--root-key-file <file>', 'The root key, where it is kept; default: ca/root.key.')
    .option(
      '--root-passphrase-file <file>',
      'File (mode 0600) with the passphrase of the root key, where it is another than that of the CA.',
    )
    .addOption(issuingKeyOption());
}

function addPassphrase(ca: Command, define: Define): void {
  define(
    ca,
    {
      name: 'passphrase',
      summary: 'Change the passphrase of the CA keys.',
      teaches:
        'Every key file that is here is encrypted anew, with a new salt and 600,000 rounds of PBKDF2. All are opened before\n' +
        'any is written; interrupted, the same command goes on. Copies elsewhere keep the old passphrase: replace them.',
      examples: [
        {
          line: 'aovis-provision ca passphrase',
          does: 'asks for the old passphrase, and twice for the new one',
        },
        {
          line: 'aovis-provision ca passphrase --passphrase-file old --new-passphrase-file new',
          does: 'without anybody at the keyboard; both files have mode 0600',
        },
      ],
      changes: true,
      passphrase: true,
    },
    async (context, flags) => {
      const { caPassphrase } = await import('../commands/ca-life-commands.ts');
      await caPassphrase(context, textOf(flags, 'newPassphraseFile'));
    },
  ).addOption(new Option('--new-passphrase-file <file>', 'File (mode 0600) with the passphrase to be.'));
}
