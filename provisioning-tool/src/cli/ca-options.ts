import { InvalidArgumentError, Option } from 'commander';
import { type CaKeyKind, caKeyKinds } from '../ca/ca-key.ts';
import type { Flags } from './command-spec.ts';

export function keyKindOption(): Option {
  return new Option('--key <kind>', 'Kind of the CA keys.').choices(caKeyKinds).default('ec-p256');
}

export function keyKindOf(flags: Flags): CaKeyKind {
  return flags['key'] === 'rsa-3072' ? 'rsa-3072' : 'ec-p256';
}

export function issuingKeyOption(): Option {
  return new Option(
    '--issuing-key <uri>',
    'Key that lives elsewhere: ARN of an AWS KMS key, or a PKCS#11 URI; without it one is made as a file.',
  );
}

export function yearsArgument(text: string): string {
  if (text === 'never' || (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 500)) return text;
  throw new InvalidArgumentError('Give years, e.g. 40, or never.');
}

export function yearsOf(flags: Flags): number | 'never' {
  return flags['years'] === 'never' ? 'never' : Number(flags['years']);
}

export function textOf(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}
