import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { dirname } from 'node:path';
import { ensurePrivateDirectory, findTextFile, writeDirectoryDurably } from '../files/durable-files.ts';
import { Refusal } from '../refusal.ts';
import { type Asn1, bytesOf, childrenOf, fromDer, oid } from './asn1.ts';
import type { ExternalKey } from './ca-creation.ts';
import {
  caDirectory,
  caFiles,
  type FactoryCa,
  isIssuedBy,
  loadCa,
  parseCertificate,
  readKeyFile,
  refuseExistingCa,
} from './ca-store.ts';
import { encryptPrivateKey } from './encrypted-key.ts';
import { keySigner, kindOfKey } from './signer.ts';

export interface ImportRequest {
  rootCertificatePath: string;
  issuingCertificatePath: string;
  /** Private key in PEM, encrypted or not; or where it lives. */
  issuingKey: { path: string; passphrase: string } | ExternalKey;
  /** Milliseconds. */
  now: number;
}

/**
 * Takes over a CA that was made elsewhere: root and issuing certificate, and the issuing key, which is encrypted anew
 * with today's key derivation. Nothing is written unless all of it fits together.
 */
export async function importCa(workspace: string, request: ImportRequest): Promise<FactoryCa> {
  await refuseExistingCa(workspace);
  const root = await certificateAt(request.rootCertificatePath);
  const issuing = await certificateAt(request.issuingCertificatePath);
  const problems = problemsOfChain(root, issuing, request.now);
  if (problems.length > 0)
    throw new Refusal('ca', 'This CA cannot sign boards; nothing was taken over.', { details: problems });
  const { issuingKey } = request;
  const own = 'path' in issuingKey ? await keyAt(issuingKey.path, issuingKey.passphrase) : undefined;
  const publicKey = own ? keySigner(own).publicKey : (issuingKey as ExternalKey).publicKey;
  if (!issuing.publicKey.equals(publicKey))
    throw new Refusal('ca', 'The key is not that of the issuing certificate; nothing was taken over.');
  const directory = caDirectory(workspace);
  await ensurePrivateDirectory(dirname(directory));
  await writeDirectoryDurably(directory, {
    [caFiles.rootCertificate]: root.toString(),
    [caFiles.issuingCertificate]: issuing.toString(),
    ...(own && 'path' in issuingKey
      ? { [caFiles.issuingKey]: encryptPrivateKey(own, issuingKey.passphrase) }
      : { [caFiles.issuingKeyUri]: `${(issuingKey as ExternalKey).uri}\n` }),
  });
  return await loadCa(workspace);
}

/** What RFC 5280 and AWS IoT ask of a CA that signs boards, one sentence a problem. */
export function problemsOfChain(root: X509Certificate, issuing: X509Certificate, now: number): string[] {
  const constraints = basicConstraintsOf(issuing);
  const checks: [boolean, string][] = [
    [root.ca, 'the root is no CA certificate (basicConstraints CA:TRUE is missing)'],
    [root.verify(root.publicKey), 'the root did not sign itself'],
    [issuing.ca, 'the issuing certificate is no CA certificate (basicConstraints CA:TRUE is missing)'],
    [isIssuedBy(issuing, root), 'the issuing certificate was not signed by the root'],
    [constraints.critical, 'basicConstraints of the issuing certificate are not critical'],
    [
      maySignCertificates(issuing),
      'the issuing certificate may not sign certificates (keyUsage keyCertSign)',
    ],
    [basicConstraintsOf(root).pathLength !== 0, 'the root allows no CA below it (path length 0)'],
    [isValid(root, now), 'the root is not valid now'],
    [isValid(issuing, now), 'the issuing certificate is not valid now'],
    [isStrong(root), 'the root has a weak key: take EC P-256, or RSA of at least 2048 bits'],
    [isStrong(issuing), 'the issuing CA has a weak key: take EC P-256, or RSA of at least 2048 bits'],
  ];
  return checks.filter(([right]) => !right).map(([, problem]) => problem);
}

function isValid(certificate: X509Certificate, now: number): boolean {
  return Date.parse(certificate.validFrom) <= now && now < Date.parse(certificate.validTo);
}

function isStrong({ publicKey }: X509Certificate): boolean {
  try {
    kindOfKey(publicKey);
    return true;
  } catch {
    return false;
  }
}

function extensionOf(
  certificate: X509Certificate,
  type: string,
): { critical: boolean; value: Asn1 } | undefined {
  const [tbs] = childrenOf(fromDer(certificate.raw));
  const wanted = oid(type).value;
  const found = childrenOf(childrenOf(childrenOf(tbs).at(-1))[0])
    .map(childrenOf)
    .find(([id]) => id?.value === wanted);
  const value = bytesOf(found?.at(-1));
  return found && value && { critical: found.length === 3, value: fromDer(value) };
}

function basicConstraintsOf(certificate: X509Certificate): {
  critical: boolean;
  pathLength: number | undefined;
} {
  const found = extensionOf(certificate, '2.5.29.19');
  const length = bytesOf(childrenOf(found?.value)[1]);
  return {
    critical: found?.critical === true,
    pathLength: length && Number.parseInt(length.toString('hex'), 16),
  };
}

/** keyUsage has the bit keyCertSign (5), or is absent. */
function maySignCertificates(certificate: X509Certificate): boolean {
  const found = extensionOf(certificate, '2.5.29.15');
  if (!found) return true;
  return ((bytesOf(found.value)?.[1] ?? 0) & 0b0000_0100) !== 0;
}

async function certificateAt(path: string): Promise<X509Certificate> {
  const pem = await findTextFile(path);
  if (pem === undefined) throw new Refusal('usage', `${path} does not exist; check the path.`);
  return parseCertificate(pem, path);
}

async function keyAt(path: string, passphrase: string): Promise<KeyObject> {
  const pem = await readKeyFile(path, 'issuing key');
  try {
    return createPrivateKey({ key: pem, passphrase });
  } catch {
    // OpenSSL's reason may quote bytes of what it tried: it is not passed on.
    throw new Refusal('ca', `The passphrase does not open ${path}, or it holds no private key; try again.`);
  }
}
