import { generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { dirname, join } from 'node:path';
import {
  ensurePrivateDirectory,
  exists,
  findMode,
  findTextFile,
  writeDirectoryDurably,
} from '../files/durable-files.ts';
import { Refusal } from '../refusal.ts';
import { type Asn1, fromDer, toPem } from './asn1.ts';
import type { LeafIssuer } from './board-identity.ts';
import { caExtensionsOf, issuerOf, keyIdentifierOf, nameOf, signCertificate } from './certificate.ts';
import { decryptPrivateKey, encryptPrivateKey } from './encrypted-key.ts';
import { keySigner, type Signer } from './signer.ts';

/** Files of `<workspace>/ca`. */
export const caFiles = {
  rootCertificate: 'root.crt',
  rootKey: 'root.key',
  issuingCertificate: 'issuing.crt',
  issuingKey: 'issuing.key',
} as const;

export type CaKeyKind = 'ec-p256' | 'rsa-3072';

export interface CaRequest {
  organization: string;
  /** End of the common names; unique, because AWS IoT takes at most 10 CAs with one subject. */
  label: string;
  keyKind: CaKeyKind;
  notBefore: Date;
  notAfter: Date;
  passphrase: string;
}

export interface FactoryCa {
  directory: string;
  root: X509Certificate;
  issuing: X509Certificate;
}

/** Lower-case hex SHA-256 of a certificate's DER. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

export function newCaLabel(): string {
  return randomBytes(4).toString('hex');
}

function caDirectory(workspace: string): string {
  return join(workspace, 'ca');
}

/**
 * Makes the factory's root and, under it, the issuing CA (path length 0). All four files appear at once; an
 * existing CA is never touched.
 */
export async function createCa(workspace: string, request: CaRequest): Promise<FactoryCa> {
  const directory = caDirectory(workspace);
  await refuseExistingCa(workspace);
  await ensurePrivateDirectory(dirname(directory));
  const root = generateCaKey(request.keyKind);
  const issuing = generateCaKey(request.keyKind);
  const rootName = nameOf({
    organization: request.organization,
    commonName: `${request.organization} Factory Root ${request.label}`,
  });
  const validity = { notBefore: request.notBefore, notAfter: request.notAfter };
  const rootDer = await signCertificate(
    {
      issuer: rootName,
      subject: rootName,
      spki: root.spki,
      ...validity,
      extensions: caExtensionsOf(root.spki, root.keyId),
    },
    root.signer,
  );
  const issuingDer = await signCertificate(
    {
      issuer: rootName,
      subject: nameOf({
        organization: request.organization,
        commonName: `${request.organization} Camera Factory CA ${request.label}`,
      }),
      spki: issuing.spki,
      ...validity,
      extensions: caExtensionsOf(issuing.spki, root.keyId, 0),
    },
    root.signer,
  );
  await writeDirectoryDurably(directory, {
    [caFiles.rootCertificate]: toPem('CERTIFICATE', rootDer),
    [caFiles.rootKey]: encryptPrivateKey(root.key, request.passphrase),
    [caFiles.issuingCertificate]: toPem('CERTIFICATE', issuingDer),
    [caFiles.issuingKey]: encryptPrivateKey(issuing.key, request.passphrase),
  });
  return await loadCa(workspace);
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

function generateCaKey(kind: CaKeyKind): { key: KeyObject; spki: Asn1; keyId: Buffer; signer: Signer } {
  const pair =
    kind === 'ec-p256'
      ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      : generateKeyPairSync('rsa', { modulusLength: 3072 });
  const spki = fromDer(pair.publicKey.export({ type: 'spki', format: 'der' }));
  return {
    key: pair.privateKey,
    spki,
    keyId: keyIdentifierOf(spki),
    signer: keySigner(pair.privateKey),
  };
}

/** The CA's certificates; refuses a missing or damaged CA. */
export async function loadCa(workspace: string): Promise<FactoryCa> {
  const directory = caDirectory(workspace);
  const root = await readCertificate(join(directory, caFiles.rootCertificate));
  const issuing = await readCertificate(join(directory, caFiles.issuingCertificate));
  if (!issuing.ca || !issuing.checkIssued(root) || !issuing.verify(root.publicKey)) {
    throw new Refusal(
      'ca',
      `The issuing CA in ${directory} was not signed by the root beside it; put the right files back.`,
    );
  }
  return { directory, root, issuing };
}

async function readCertificate(path: string): Promise<X509Certificate> {
  const pem = await findTextFile(path);
  if (pem === undefined)
    throw new Refusal(
      'ca',
      `There is no CA yet (${path} is missing); make one with: aovis-provision ca init`,
    );
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Refusal('ca', `${path} is not a certificate; put the right file back.`, { cause: error });
  }
}

/** Opens the issuing key. */
export async function unlockSigner(ca: FactoryCa, passphrase: string): Promise<Signer> {
  const path = join(ca.directory, caFiles.issuingKey);
  const mode = await findMode(path);
  const pem = await findTextFile(path);
  if (mode === undefined || pem === undefined)
    throw new Refusal('ca', `The issuing key ${path} is missing; put it back.`);
  if ((mode & 0o077) !== 0) {
    throw new Refusal(
      'ca',
      `The issuing key ${path} can be read by others (mode 0${mode.toString(8)}); close it with: chmod 600 ${path}`,
    );
  }
  const key = decryptPrivateKey(pem, passphrase, path);
  if (!ca.issuing.checkPrivateKey(key))
    throw new Refusal(
      'ca',
      `${path} is not the key of ${caFiles.issuingCertificate}; put the right file back.`,
    );
  return keySigner(key);
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
      `The issuing CA expired on ${caEnd.toISOString()}; make a new one, unless the clock of this computer is wrong.`,
    );
  if (new Date(ca.issuing.validFrom).getTime() > now)
    throw new Refusal('ca', 'The issuing CA is not valid yet: the clock of this computer is wrong; set it.');
  if (validity.notAfter > caEnd) {
    throw new Refusal(
      'ca',
      `Boards would be valid until ${validity.notAfter.toISOString()}, longer than their CA (${caEnd.toISOString()}); ` +
        'lower certificate_years or make a new CA.',
    );
  }
  const { name, keyId } = issuerOf(ca.issuing.raw);
  return { name, keyId, ...validity, signer };
}
