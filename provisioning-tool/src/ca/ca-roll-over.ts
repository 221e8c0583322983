import { X509Certificate } from 'node:crypto';
import { writeDirectoryDurably } from '../files/durable-files.ts';
import { Refusal } from '../refusal.ts';
import { type ExternalKey, makeIssuingCa, newCaLabel } from './ca-creation.ts';
import type { CaKeyKind } from './ca-key.ts';
import { caFiles, type FactoryCa, generationDirectory, loadCa, readKeyFile } from './ca-store.ts';
import { decryptPrivateKey } from './encrypted-key.ts';
import { keySigner, type Signer } from './signer.ts';

export interface RollOverRequest {
  /** Opened root key. */
  rootSigner: Signer;
  keyKind: CaKeyKind;
  /** For the key file of the new issuing CA. */
  passphrase: string;
  issuingKey?: ExternalKey | undefined;
  notBefore: Date;
  notAfter: Date;
}

/** Opens the root's encrypted key file and holds it against the root's certificate. */
export async function openRootKey(ca: FactoryCa, path: string, passphrase: string): Promise<Signer> {
  const pem = await readKeyFile(path, 'root key');
  const signer = keySigner(decryptPrivateKey(pem, passphrase, path));
  if (ca.root.publicKey.equals(signer.publicKey)) return signer;
  throw new Refusal('ca', `${path} is not the key of ${caFiles.rootCertificate}; take the right file.`);
}

/**
 * A new issuing CA under the same root. It appears as one folder, at once, and signs from then on; what is there
 * stays, so that boards of the former CA verify and those under way are registered under the CA that signed them.
 */
export async function rollOver(
  workspace: string,
  ca: FactoryCa,
  request: RollOverRequest,
): Promise<FactoryCa> {
  const rootEnd = new Date(ca.root.validTo);
  if (request.notAfter > rootEnd)
    throw new Refusal(
      'ca',
      `The new issuing CA would outlive its root, which ends on ${rootEnd.toISOString()}; lower --years.`,
    );
  const directory = generationDirectory(ca.directory, ca.current.generation + 1);
  const files = await makeIssuingCa({
    ...request,
    rootDer: ca.root.raw,
    organization: organizationOf(ca.root),
    label: newCaLabel(),
  });
  refuseUsedKey(ca, files[caFiles.issuingCertificate] ?? '');
  await writeDirectoryDurably(directory, files);
  return await loadCa(workspace);
}

/** A key that was an issuing CA's before must not be one again: a roll-over is made because of the key. */
function refuseUsedKey(ca: FactoryCa, pem: string): void {
  const { publicKey } = new X509Certificate(pem);
  for (const { certificate, directory } of ca.issuers.values())
    if (certificate.publicKey.equals(publicKey))
      throw new Refusal(
        'conflict',
        `This key is that of the issuing CA in ${directory} already; give a new one.`,
      );
  if (ca.root.publicKey.equals(publicKey))
    throw new Refusal('conflict', 'This key is that of the root; give a new one.');
}

/** O of a subject, which names the CAs below it too. */
function organizationOf(certificate: X509Certificate): string {
  return /^O=(.*)$/m.exec(certificate.subject)?.[1] ?? 'AOVIS';
}
