import { createECDH, createHash } from 'node:crypto';
import { type Asn1, fromDer, toPem } from './asn1.ts';
import { leafExtensionsOf, nameOf, neverExpires, signCertificate } from './certificate.ts';
import type { Signer } from './signer.ts';

/** What every certificate of a batch has in common. */
export interface LeafIssuer {
  /** Issuing CA's subject and its key identifier. */
  name: Asn1;
  keyId: Buffer;
  notBefore: Date;
  notAfter: Date;
  signer: Signer;
}

export interface BoardIdentity {
  privateKeyPem: string;
  certificatePem: string;
  /** Lower-case hex SHA-256 of the certificate's DER: AWS IoT's certificate id, known before AWS is. */
  certificateId: string;
  /** Lower-case hex SHA-256 of the SubjectPublicKeyInfo. */
  publicKeySha256: string;
}

/** SubjectPublicKeyInfo of a P-256 key up to its uncompressed point (RFC 5480). */
const spkiPrefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');
/** PKCS#8 of a P-256 key (RFC 5208, RFC 5915): before the private value, and before the public point. */
const pkcs8Prefix = Buffer.from(
  '308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420',
  'hex',
);
const pkcs8Middle = Buffer.from('a144034200', 'hex');

/**
 * A new P-256 key and its certificate. The key's PKCS#8 is put together here because the encoder behind
 * `generateKeyPairSync` takes most of the time of the whole issuance.
 */
export async function issueBoardIdentity(deviceId: string, issuer: LeafIssuer): Promise<BoardIdentity> {
  const ecdh = createECDH('prime256v1');
  const point = ecdh.generateKeys();
  const secret = ecdh.getPrivateKey();
  // OpenSSL drops leading zeros; the encoding has 32 bytes always.
  const padded = Buffer.alloc(32);
  secret.copy(padded, 32 - secret.length);
  const pkcs8 = Buffer.concat([pkcs8Prefix, padded, pkcs8Middle, point]);
  const spki = Buffer.concat([spkiPrefix, point]);
  const subjectPublicKey = fromDer(spki);
  const certificate = await signCertificate(
    {
      issuer: issuer.name,
      subject: nameOf({ commonName: deviceId }),
      spki: subjectPublicKey,
      notBefore: issuer.notBefore,
      notAfter: issuer.notAfter,
      extensions: leafExtensionsOf(subjectPublicKey, issuer.keyId),
    },
    issuer.signer,
  );
  const identity = {
    privateKeyPem: toPem('PRIVATE KEY', pkcs8),
    certificatePem: toPem('CERTIFICATE', certificate),
    certificateId: createHash('sha256').update(certificate).digest('hex'),
    publicKeySha256: createHash('sha256').update(spki).digest('hex'),
  };
  for (const buffer of [secret, padded, pkcs8]) buffer.fill(0);
  return identity;
}

const dayMs = 86_400_000;

/** From a day ago, for boards whose clock is behind, and for so many years. */
export function validityOf(now: number, years: number | 'never'): { notBefore: Date; notAfter: Date } {
  const notBefore = new Date(now - dayMs);
  if (years === 'never') return { notBefore, notAfter: neverExpires };
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + years);
  return { notBefore, notAfter };
}
