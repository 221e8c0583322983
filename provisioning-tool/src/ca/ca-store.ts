import { X509Certificate } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, findTextFile } from '../files/durable-files.ts';
import { findPrivateText } from '../files/private-file.ts';
import { Refusal, systemCodeOf } from '../refusal.ts';
import type { LeafIssuer } from './board-identity.ts';
import { issuerOf } from './certificate.ts';
import { decryptPrivateKey } from './encrypted-key.ts';
import { keySigner, type Signer } from './signer.ts';

/** Files of `<workspace>/ca`, and of each folder `issuing-<n>` in it that a roll-over made. */
export const caFiles = {
  rootCertificate: 'root.crt',
  rootKey: 'root.key',
  issuingCertificate: 'issuing.crt',
  issuingKey: 'issuing.key',
  /** In place of the key: where it lives (`parseKeyUri`). */
  issuingKeyUri: 'issuing.key-uri',
} as const;

/** One issuing CA; the one with the highest generation signs. */
export interface IssuingCa {
  generation: number;
  /** Where its certificate and its key, or the key's URI, lie. */
  directory: string;
  certificate: X509Certificate;
}

export interface FactoryCa {
  directory: string;
  root: X509Certificate;
  /** Certificate of the current issuing CA. */
  issuing: X509Certificate;
  current: IssuingCa;
  /** All that there ever were, by `fingerprintOf`: boards of a former one stay good. */
  issuers: ReadonlyMap<string, IssuingCa>;
}

/** Lower-case hex SHA-256 of a certificate's DER. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

export function caDirectory(workspace: string): string {
  return join(workspace, 'ca');
}

/** `issuing-2` and so on; the first generation lies in the CA's folder itself. */
export function generationDirectory(caFolder: string, generation: number): string {
  return generation === 1 ? caFolder : join(caFolder, `issuing-${generation}`);
}

export async function refuseExistingCa(workspace: string): Promise<void> {
  const directory = caDirectory(workspace);
  if (await exists(directory)) {
    throw new Refusal(
      'conflict',
      `There is a CA already in ${directory}; it is never overwritten. Use another --workspace for another CA.`,
    );
  }
}

/** The CA's certificates; refuses a missing or damaged CA. */
export async function loadCa(workspace: string): Promise<FactoryCa> {
  const directory = caDirectory(workspace);
  const root = await readCertificate(join(directory, caFiles.rootCertificate));
  const issuers = await Promise.all(
    (await generationsIn(directory)).map((generation) => readIssuer(directory, generation, root)),
  );
  const current = issuers.at(-1) as IssuingCa;
  return {
    directory,
    root,
    issuing: current.certificate,
    current,
    issuers: new Map(issuers.map((issuer) => [fingerprintOf(issuer.certificate), issuer])),
  };
}

async function generationsIn(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  });
  const later = names.flatMap((name) => /^issuing-([1-9]\d{0,3})$/.exec(name)?.[1] ?? []).map(Number);
  return [1, ...later.toSorted((a, b) => a - b)];
}

async function readIssuer(folder: string, generation: number, root: X509Certificate): Promise<IssuingCa> {
  const directory = generationDirectory(folder, generation);
  const certificate = await readCertificate(join(directory, caFiles.issuingCertificate));
  if (!isIssuedBy(certificate, root)) {
    throw new Refusal(
      'ca',
      `The issuing CA in ${directory} was not signed by the root beside it; put the right files back.`,
    );
  }
  return { generation, directory, certificate };
}

export function isIssuedBy(certificate: X509Certificate, root: X509Certificate): boolean {
  return certificate.ca && certificate.checkIssued(root) && certificate.verify(root.publicKey);
}

export async function readCertificate(path: string): Promise<X509Certificate> {
  const pem = await findTextFile(path);
  if (pem === undefined)
    throw new Refusal(
      'ca',
      `There is no CA yet (${path} is missing); make one with: aovis-provision ca init`,
    );
  return parseCertificate(pem, path);
}

/** All certificates of a PEM text, in its order. */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

export function parseCertificate(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Refusal('ca', `${path} is not a certificate; put the right file back.`, { cause: error });
  }
}

/** The text of a key file; one that others can read is refused. It may be a link: to the medium with the root key, say. */
export async function readKeyFile(path: string, what: string): Promise<string> {
  const pem = await findPrivateText(path, { what: `The ${what}`, kind: 'ca', anyKind: true });
  if (pem === undefined) throw new Refusal('ca', `The ${what} ${path} is missing; put it back.`);
  return pem;
}

/** Opens the encrypted file of the issuing key. */
export async function unlockSigner(ca: FactoryCa, passphrase: string): Promise<Signer> {
  const path = join(ca.current.directory, caFiles.issuingKey);
  const key = decryptPrivateKey(await readKeyFile(path, 'issuing key'), passphrase, path);
  return matching(ca, keySigner(key), path);
}

/** Refuses a key that is not the certificate's: what it signs would verify nowhere. */
export function matching(ca: FactoryCa, signer: Signer, origin: string): Signer {
  if (ca.issuing.publicKey.equals(signer.publicKey)) return signer;
  signer.close();
  throw new Refusal(
    'ca',
    `${origin} is not the key of ${caFiles.issuingCertificate}; put the right file back.`,
  );
}

/** Refuses a validity that outlives the CA, and a CA that is not valid now. */
export function leafIssuerOf(
  ca: FactoryCa,
  signer: Signer,
  validity: { notBefore: Date; notAfter: Date },
  now: number,
): LeafIssuer {
  const caEnd = new Date(ca.issuing.validTo);
  if (caEnd.getTime() <= now)
    throw new Refusal(
      'ca',
      `The issuing CA expired on ${caEnd.toISOString()}; make a new one with «aovis-provision ca roll-over», unless the clock of this computer is wrong.`,
    );
  if (new Date(ca.issuing.validFrom).getTime() > now)
    throw new Refusal('ca', 'The issuing CA is not valid yet: the clock of this computer is wrong; set it.');
  if (validity.notAfter > caEnd) {
    throw new Refusal(
      'ca',
      `Boards would be valid until ${validity.notAfter.toISOString()}, longer than their CA (${caEnd.toISOString()}); ` +
        'lower certificate_years or make a new issuing CA with «aovis-provision ca roll-over».',
    );
  }
  const { name, keyId } = issuerOf(ca.issuing.raw);
  return { name, keyId, ...validity, signer };
}
