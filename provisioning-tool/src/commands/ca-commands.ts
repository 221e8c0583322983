import { runFailureOf } from '../batch/batch-run.ts';
import { validityOf } from '../ca/board-identity.ts';
import { createCa, type ExternalKey, newCaLabel } from '../ca/ca-creation.ts';
import type { CaKeyKind } from '../ca/ca-key.ts';
import { type CaMode, registerCa } from '../ca/ca-registration.ts';
import { type FactoryCa, fingerprintOf, loadCa, refuseExistingCa } from '../ca/ca-store.ts';
import { requireSetting } from '../config.ts';
import { Journal, journalPath, replayJournal } from '../journal/journal.ts';
import type { JournalState } from '../journal/journal-state.ts';
import { parseKeyUri } from '../signers/key-location.ts';
import { issuingKeyLocation, openExternalSigner, openIssuingSigner } from '../signers/open-signer.ts';
import { type CommandContext, withStop } from './command-context.ts';

export interface CaInitFlags {
  organization: string;
  key: CaKeyKind;
  years: number | 'never';
  /** URI of a key on a token or in AWS KMS, for the issuing CA. */
  issuingKey: string | undefined;
}

/** Asks a key that lives elsewhere for its public half; the key itself stays where it is. */
export async function externalKeyOf(context: CommandContext, uri: string): Promise<ExternalKey> {
  const location = parseKeyUri(uri);
  const signer = await openExternalSigner(location, context.keyOpening(await context.config()));
  signer.close();
  return { uri: location.uri, publicKey: signer.publicKey };
}

export async function caInit(context: CommandContext, flags: CaInitFlags): Promise<void> {
  const { terminal, workspace, surroundings } = context;
  await refuseExistingCa(workspace);
  if (context.flags.dryRun) {
    terminal.result({ dry_run: true, directory: `${workspace}/ca` }, [
      `Would make a root and an issuing CA (${flags.key}) in ${workspace}/ca. Nothing was done.`,
    ]);
    return;
  }
  const issuingKey =
    flags.issuingKey === undefined ? undefined : await externalKeyOf(context, flags.issuingKey);
  const passphrase = await context.newPassphrase();
  const journal = await Journal.open(workspace, surroundings.clock);
  try {
    const ca = await createCa(workspace, {
      organization: flags.organization,
      label: newCaLabel(),
      keyKind: flags.key,
      ...validityOf(surroundings.clock.now(), flags.years),
      passphrase,
      issuingKey,
    });
    await journal.append({
      type: 'ca_initialised',
      issuing_certificate_sha256: fingerprintOf(ca.issuing),
      root_certificate_sha256: fingerprintOf(ca.root),
      operator: context.operator,
    });
    await showCa(context, ca, journal.state);
    terminal.say(
      `Now move ${ca.directory}/root.key to a safe, offline place (it is not needed here), keep a copy of the folder, ` +
        'and tell AWS: aovis-provision ca register',
    );
  } finally {
    await journal.close();
  }
}

export async function caRegister(context: CommandContext, mode: CaMode): Promise<void> {
  const { terminal, workspace, surroundings } = context;
  const config = await context.config();
  const region = requireSetting(config, 'region');
  const ca = await loadCa(workspace);
  if (context.flags.dryRun) {
    terminal.result({ dry_run: true, mode, region, issuing_certificate_sha256: fingerprintOf(ca.issuing) }, [
      `Would register the issuing CA in ${region}, mode ${mode}. Nothing was done.`,
    ]);
    return;
  }
  const signer = mode === 'DEFAULT' ? await openIssuingSigner(ca, context.keyOpening(config)) : undefined;
  const journal = await Journal.open(workspace, surroundings.clock);
  try {
    await withStop(surroundings.signal, async (stop) => {
      const registry = await context.registry(config, stop.signal);
      try {
        const { id, alreadyRegistered } = await registerCa(
          registry,
          ca,
          mode,
          signer,
          surroundings.clock.now(),
        );
        await journal.append({
          type: 'ca_registered',
          issuing_certificate_sha256: fingerprintOf(ca.issuing),
          ca_certificate_id: id,
          mode,
          region,
          operator: context.operator,
        });
        terminal.result({ ca_certificate_id: id, mode, region, already_registered: alreadyRegistered }, [
          alreadyRegistered
            ? `The issuing CA was registered in ${region} already and is active: ${id}`
            : `Registered the issuing CA in ${region} (${mode}): ${id}`,
        ]);
      } finally {
        registry.close();
      }
    });
  } catch (error) {
    throw runFailureOf(error);
  } finally {
    signer?.close();
    await journal.close();
  }
}

export async function caShow(context: CommandContext): Promise<void> {
  const ca = await loadCa(context.workspace);
  const { state } = await replayJournal(journalPath(context.workspace));
  await showCa(context, ca, state);
}

export async function showCa(
  { terminal }: CommandContext,
  ca: FactoryCa,
  state: JournalState,
): Promise<void> {
  const location = await issuingKeyLocation(ca);
  const former = [...ca.issuers.keys()].filter((sha) => sha !== fingerprintOf(ca.issuing));
  const sha256 = fingerprintOf(ca.issuing);
  const registrations = [...state.caRegistrations.values()]
    .filter(({ issuing_certificate_sha256 }) => issuing_certificate_sha256 === sha256)
    .map(({ ca_certificate_id, mode, region }) => ({ ca_certificate_id, mode, region }));
  const value = {
    directory: ca.directory,
    subject: ca.issuing.subject.replaceAll('\n', ', '),
    issuer: ca.issuing.issuer.replaceAll('\n', ', '),
    not_before: new Date(ca.issuing.validFrom).toISOString(),
    not_after: new Date(ca.issuing.validTo).toISOString(),
    issuing_certificate_sha256: sha256,
    root_certificate_sha256: fingerprintOf(ca.root),
    generation: ca.current.generation,
    key: location?.uri ?? 'file',
    former_issuing_certificates_sha256: former,
    registrations,
  };
  terminal.result(
    value,
    terminal.table([
      ['issuing CA', value.subject],
      ['signed by', value.issuer],
      ['valid until', value.not_after],
      ['SHA-256', sha256],
      ['key', location?.uri ?? 'encrypted file'],
      ['folder', ca.current.directory],
      ...former.map((sha) => ['formerly', sha]),
      ...(registrations.length === 0 ? [['registered', 'not yet: aovis-provision ca register']] : []),
      ...registrations.map(({ region, mode, ca_certificate_id: id }) => [
        'registered',
        `${region}, ${mode}, id ${id}`,
      ]),
    ]),
  );
}
