import { join } from 'node:path';
import { caFiles, type FactoryCa, matching, unlockSigner } from '../ca/ca-store.ts';
import type { Signer } from '../ca/signer.ts';
import { exists, findTextFile } from '../files/durable-files.ts';
import { type KeyLocation, parseKeyUri } from './key-location.ts';

/** What opening a key may need; a passphrase or PIN is asked for only where there is something to open with it. */
export interface KeyOpening {
  /** Of an encrypted file. */
  passphrase: () => Promise<string>;
  /** Of a token. */
  pin: () => Promise<string>;
  kmsUrl: string | undefined;
  requestTimeoutMs: number;
}

/** Opens the current issuing key, wherever it lives, and holds it against the certificate. */
export async function openIssuingSigner(ca: FactoryCa, opening: KeyOpening): Promise<Signer> {
  const location = await issuingKeyLocation(ca);
  if (location === undefined) return await unlockSigner(ca, await opening.passphrase());
  return matching(ca, await openExternalSigner(location, opening), location.uri);
}

/** Undefined for an encrypted file. */
export async function issuingKeyLocation(ca: FactoryCa): Promise<KeyLocation | undefined> {
  const { directory } = ca.current;
  if (await exists(join(directory, caFiles.issuingKey))) return undefined;
  const uri = await findTextFile(join(directory, caFiles.issuingKeyUri));
  return uri === undefined ? undefined : parseKeyUri(uri);
}

/** The SDK and the token's library are loaded here and not before. */
export async function openExternalSigner(location: KeyLocation, opening: KeyOpening): Promise<Signer> {
  if (location.kind === 'kms') {
    const { openKmsSigner } = await import('./kms-signer.ts');
    return await openKmsSigner(location, { url: opening.kmsUrl, requestTimeoutMs: opening.requestTimeoutMs });
  }
  const { openPkcs11Signer } = await import('./pkcs11-signer.ts');
  return await openPkcs11Signer(location, await opening.pin());
}
