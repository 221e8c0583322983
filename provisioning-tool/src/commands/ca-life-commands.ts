import { join } from 'node:path';
import { validityOf } from '../ca/board-identity.ts';
import type { ExternalKey } from '../ca/ca-creation.ts';
import { importCa } from '../ca/ca-import.ts';
import type { CaKeyKind } from '../ca/ca-key.ts';
import { changePassphrase } from '../ca/ca-passphrase.ts';
import { openRootKey, rollOver } from '../ca/ca-roll-over.ts';
import { caFiles, type FactoryCa, fingerprintOf, loadCa, refuseExistingCa } from '../ca/ca-store.ts';
import { exists } from '../files/durable-files.ts';
import { Journal } from '../journal/journal.ts';
import type { JournalState } from '../journal/journal-state.ts';
import { Refusal } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';
import { externalKeyOf, showCa } from './ca-commands.ts';
import type { CommandContext } from './command-context.ts';

export interface CaImportFlags {
  rootCertificate: string;
  issuingCertificate: string;
  issuingKeyFile: string | undefined;
  /** URI of a key on a token or in AWS KMS. */
  issuingKey: string | undefined;
}

export async function caImport(context: CommandContext, flags: CaImportFlags): Promise<void> {
  const { terminal, workspace, surroundings } = context;
  if ((flags.issuingKey === undefined) === (flags.issuingKeyFile === undefined))
    throw new Refusal('usage', 'Give either --issuing-key-file or --issuing-key, not both.');
  await refuseExistingCa(workspace);
  if (context.flags.dryRun) {
    terminal.result({ dry_run: true, directory: `${workspace}/ca` }, [
      `Would take the CA of ${flags.issuingCertificate} over into ${workspace}/ca. Nothing was done.`,
    ]);
    return;
  }
  const issuingKey =
    flags.issuingKeyFile === undefined
      ? await externalKeyOf(context, flags.issuingKey ?? '')
      : { path: flags.issuingKeyFile, passphrase: await context.newPassphrase() };
  const journal = await Journal.open(workspace, surroundings.clock);
  try {
    const ca = await importCa(workspace, {
      rootCertificatePath: flags.rootCertificate,
      issuingCertificatePath: flags.issuingCertificate,
      issuingKey,
      now: surroundings.clock.now(),
    });
    await journal.append({
      type: 'ca_initialised',
      issuing_certificate_sha256: fingerprintOf(ca.issuing),
      root_certificate_sha256: fingerprintOf(ca.root),
      operator: context.operator,
    });
    await showCa(context, ca, journal.state);
  } finally {
    await journal.close();
  }
}

export interface CaRollOverFlags {
  key: CaKeyKind;
  years: number | 'never';
  rootKeyFile: string | undefined;
  rootPassphraseFile: string | undefined;
  issuingKey: string | undefined;
}

export async function caRollOver(context: CommandContext, flags: CaRollOverFlags): Promise<void> {
  const { terminal, workspace, surroundings } = context;
  const ca = await loadCa(workspace);
  const former = fingerprintOf(ca.issuing);
  if (context.flags.dryRun) {
    const generation = ca.current.generation + 1;
    terminal.result({ dry_run: true, generation, former_issuing_certificate_sha256: former }, [
      `Would make issuing CA ${generation} under ${ca.root.subject.replaceAll('\n', ', ')}. Nothing was done.`,
    ]);
    return;
  }
  const issuingKey =
    flags.issuingKey === undefined ? undefined : await externalKeyOf(context, flags.issuingKey);
  const rootKeyFile = flags.rootKeyFile ?? join(ca.directory, caFiles.rootKey);
  if (!(await exists(rootKeyFile)))
    throw new Refusal(
      'ca',
      `The root key is not at ${rootKeyFile}; fetch it from the safe and name its place with --root-key-file.`,
    );
  const ownPassphrase = flags.rootPassphraseFile !== undefined;
  const passphrase = issuingKey && ownPassphrase ? '' : await context.passphrase();
  const rootPassphrase = ownPassphrase
    ? await context.secret('Passphrase of the root key', '--root-passphrase-file', flags.rootPassphraseFile)
    : passphrase;
  const journal = await Journal.open(workspace, surroundings.clock);
  try {
    const rootSigner = await openRootKey(ca, rootKeyFile, rootPassphrase);
    const cutShort = unrecorded(ca, journal.state, issuingKey);
    if (cutShort)
      terminal.say(
        `Issuing CA ${ca.current.generation} was made by a run that was cut short; it is the one that signs now.`,
      );
    const next = cutShort
      ? ca
      : await rollOver(workspace, ca, {
          rootSigner,
          keyKind: flags.key,
          passphrase,
          issuingKey,
          ...validityOf(surroundings.clock.now(), flags.years),
        });
    await journal.append({
      type: 'ca_rolled_over',
      issuing_certificate_sha256: fingerprintOf(next.issuing),
      former_issuing_certificate_sha256: cutShort?.former ?? former,
      operator: context.operator,
    });
    await showCa(context, next, journal.state);
    terminal.say(
      'Now tell AWS: aovis-provision ca register. Leave the former CA active there while its boards live, and move ' +
        `its key (${caFiles.issuingKey} in ${ca.current.directory}) and the root key away.`,
    );
  } finally {
    await journal.close();
  }
}

/**
 * A roll-over whose new CA is there, and whose line in the journal is not: the power went between the two. Undefined when
 * there is none, or another key is asked for.
 */
function unrecorded(
  ca: FactoryCa,
  { issuingCas }: JournalState,
  wanted: ExternalKey | undefined,
): { former: string } | undefined {
  if (ca.current.generation === 1 || issuingCas.has(fingerprintOf(ca.issuing))) return undefined;
  if (wanted && !wanted.publicKey.equals(ca.issuing.publicKey)) return undefined;
  const [former = ''] = [...ca.issuers].at(-2) ?? [];
  return { former };
}

export async function caPassphrase(context: CommandContext, newFile: string | undefined): Promise<void> {
  const { terminal, workspace, surroundings } = context;
  const ca = await loadCa(workspace);
  if (context.flags.dryRun) {
    terminal.result({ dry_run: true, directory: ca.directory }, [
      `Would encrypt the keys in ${ca.directory} under another passphrase. Nothing was done.`,
    ]);
    return;
  }
  const old = await context.passphrase();
  const fresh = await context.newPassphrase('--new-passphrase-file', newFile);
  if (old === fresh) throw new Refusal('usage', 'The new passphrase is the old one; take another.');
  const journal = await Journal.open(workspace, surroundings.clock);
  try {
    const { changed, unchanged } = await changePassphrase(ca, old, fresh);
    await journal.append({
      type: 'ca_passphrase_changed',
      keys: changed.length + unchanged.length,
      operator: context.operator,
    });
    terminal.result({ changed, unchanged }, [
      `${counted(changed.length, 'key')} encrypted anew${unchanged.length > 0 ? `, ${unchanged.length} had been already` : ''}.`,
      'Copies elsewhere still open with the old passphrase: replace or destroy them.',
    ]);
  } finally {
    await journal.close();
  }
}
