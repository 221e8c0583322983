import { type Command, Option } from 'commander';
import { addCaLifeCommands } from './ca-life-group.ts';
import { issuingKeyOption, keyKindOf, keyKindOption, textOf, yearsArgument, yearsOf } from './ca-options.ts';
import type { Define } from './command-spec.ts';
import { awsSettings, keySettings } from './setting-groups.ts';

export function addCaCommands(program: Command, define: Define): void {
  const ca = program.command('ca').description('The factory certificate authority.');
  define(
    ca,
    {
      name: 'init',
      summary: 'Make the root and the issuing CA.',
      teaches:
        'The keys are encrypted (PKCS#8, PBKDF2 with 600,000 rounds, AES-256) with the passphrase you type; openssl reads\n' +
        'them. The passphrase is never taken from a flag or the environment. Nobody can help you if you lose it.\n' +
        'Afterwards move ca/root.key to a safe, offline place, and tell AWS: aovis-provision ca register',
      examples: [
        {
          line: 'aovis-provision ca init --organization AOVIS',
          does: 'asks for a passphrase, twice, and makes both CAs in ./factory/ca',
        },
        {
          line: 'aovis-provision ca init --issuing-key arn:aws:kms:eu-central-1:123456789012:key/1f3b…',
          does: 'the issuing key stays in AWS KMS (key spec ECC_NIST_P256 or RSA_3072, usage SIGN_VERIFY)',
        },
        {
          line: "aovis-provision ca init --issuing-key 'pkcs11:token=factory;object=issuing?module-path=/usr/lib/softhsm/libsofthsm2.so'",
          does: 'the issuing key stays on a token; its PIN is asked for, or read from --pin-file',
        },
        {
          line: 'aovis-provision ca init --dry-run',
          does: 'says where they would be made, and does nothing',
        },
      ],
      changes: true,
      passphrase: true,
      settings: keySettings,
    },
    async (context, flags) => {
      const { caInit } = await import('../commands/ca-commands.ts');
      await caInit(context, {
        organization: String(flags['organization']),
        key: keyKindOf(flags),
        years: yearsOf(flags),
        issuingKey: textOf(flags, 'issuingKey'),
      });
    },
  )
    .option('--organization <name>', 'Organisation named in the certificates.', 'AOVIS')
    .addOption(keyKindOption())
    .option('--years <n|never>', 'Validity of the CA; boards cannot outlive it.', yearsArgument, '40')
    .addOption(issuingKeyOption());
  define(
    ca,
    {
      name: 'register',
      summary: 'Register the issuing CA with AWS IoT.',
      teaches: 'Once a region; may be repeated. An inactive CA is activated again.',
      examples: [
        {
          line: 'aovis-provision ca register --region eu-central-1',
          does: 'registers it with mode SNI_ONLY, which needs no proof and no passphrase',
        },
        {
          line: 'aovis-provision ca register --region eu-central-1 --mode DEFAULT',
          does: 'proves that the key is here: asks AWS for a registration code and certifies it',
        },
      ],
      changes: true,
      passphrase: true,
      settings: [...awsSettings, 'kms_url'],
    },
    async (context, flags) => {
      const { caRegister } = await import('../commands/ca-commands.ts');
      await caRegister(context, flags['mode'] === 'DEFAULT' ? 'DEFAULT' : 'SNI_ONLY');
    },
  ).addOption(
    new Option('--mode <mode>', 'SNI_ONLY needs no proof; DEFAULT proves the key (passphrase needed).')
      .choices(['SNI_ONLY', 'DEFAULT'])
      .default('SNI_ONLY'),
  );
  define(
    ca,
    {
      name: 'show',
      summary: 'Show the CA and where it is registered.',
      teaches: 'Reads certificates and journal only; no passphrase is needed.',
      examples: [{ line: 'aovis-provision ca show', does: 'prints names, validity, SHA-256 and regions' }],
      changes: false,
    },
    async (context) => {
      const { caShow } = await import('../commands/ca-commands.ts');
      await caShow(context);
    },
  );
  addCaLifeCommands(ca, define);
}
