import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { ensurePrivateDirectory, writeDirectoryDurably } from '../files/durable-files.ts';
import { fromDer, toPem } from './asn1.ts';
import { type CaKeyKind, generateCaKey } from './ca-key.ts';
import { caDirectory, caFiles, type FactoryCa, loadCa, refuseExistingCa } from './ca-store.ts';
import { caExtensionsOf, issuerOf, keyIdentifierOf, nameOf, signCertificate } from './certificate.ts';
import { encryptPrivateKey } from './encrypted-key.ts';
import { keySigner, type Signer } from './signer.ts';

export interface CaRequest {
  organization: string;
  /** End of the common names; unique, because AWS IoT takes at most 10 CAs with one subject. */
  label: string;
  keyKind: CaKeyKind;
  notBefore: Date;
  notAfter: Date;
  passphrase: string;
  /** A key that lives elsewhere, for the issuing CA; without it one is made. */
  issuingKey?: ExternalKey | undefined;
}

export interface ExternalKey {
  uri: string;
  publicKey: Signer['publicKey'];
}

export function newCaLabel(): string {
  return randomBytes(4).toString('hex');
}

/**
 * Makes the factory's root and, under it, the issuing CA (path length 0). All files appear at once; an existing CA
 * is never touched.
 */
export async function createCa(workspace: string, request: CaRequest): Promise<FactoryCa> {
  const directory = caDirectory(workspace);
  await refuseExistingCa(workspace);
  await ensurePrivateDirectory(dirname(directory));
  const key = generateCaKey(request.keyKind);
  const signer = keySigner(key);
  const spki = fromDer(signer.publicKey.export({ type: 'spki', format: 'der' }));
  const name = nameOf({
    organization: request.organization,
    commonName: `${request.organization} Factory Root ${request.label}`,
  });
  const root = await signCertificate(
    {
      issuer: name,
      subject: name,
      spki,
      notBefore: request.notBefore,
      notAfter: request.notAfter,
      extensions: caExtensionsOf(spki, keyIdentifierOf(spki)),
    },
    signer,
  );
  await writeDirectoryDurably(directory, {
    [caFiles.rootCertificate]: toPem('CERTIFICATE', root),
    [caFiles.rootKey]: encryptPrivateKey(key, request.passphrase),
    ...(await makeIssuingCa({ rootDer: root, rootSigner: signer, ...request })),
  });
  return await loadCa(workspace);
}

/** Certificate and key (or its URI) of a new issuing CA under a root, by file name. */
export async function makeIssuingCa(request: {
  rootDer: Buffer;
  rootSigner: Signer;
  organization: string;
  label: string;
  keyKind: CaKeyKind;
  notBefore: Date;
  notAfter: Date;
  passphrase: string;
  issuingKey?: ExternalKey | undefined;
}): Promise<Record<string, string>> {
  const { issuingKey } = request;
  const own = issuingKey ? undefined : generateCaKey(request.keyKind);
  const publicKey = issuingKey?.publicKey ?? (own && keySigner(own).publicKey);
  if (!publicKey) throw new Error('an issuing CA without a key');
  const spki = fromDer(publicKey.export({ type: 'spki', format: 'der' }));
  const root = issuerOf(request.rootDer);
  const certificate = await signCertificate(
    {
      issuer: root.name,
      subject: nameOf({
        organization: request.organization,
        commonName: `${request.organization} Camera Factory CA ${request.label}`,
      }),
      spki,
      notBefore: request.notBefore,
      notAfter: request.notAfter,
      extensions: caExtensionsOf(spki, root.keyId, 0),
    },
    request.rootSigner,
  );
  return {
    [caFiles.issuingCertificate]: toPem('CERTIFICATE', certificate),
    ...(own ? { [caFiles.issuingKey]: encryptPrivateKey(own, request.passphrase) } : {}),
    ...(issuingKey ? { [caFiles.issuingKeyUri]: `${issuingKey.uri}\n` } : {}),
  };
}
