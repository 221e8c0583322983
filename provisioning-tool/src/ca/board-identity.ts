import { createECDH, createHash, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { type Asn1, fromDer, toPem } from './asn1.ts';
import type { BoardKeyKind } from './board-key-kind.ts';
import { leafExtensionsOf, nameOf, neverExpires, signCertificate } from './certificate.ts';
import type { Signer } from './signer.ts';

const generateKeyPairAsync = promisify(generateKeyPair);

/** What every certificate of a batch has in common. */
export interface LeafIssuer {
  /** Issuing CA's subject and its key identifier. */
  name: Asn1;
  keyId: Buffer;
  notBefore: Date;
  notAfter: Date;
  signer: Signer;
}

export interface BoardIdentity extends Certified {
  /** Undefined where the key never left the board. */
  privateKeyPem: string | undefined;
}

export interface Certified {
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

/** A new key and its certificate. */
export async function issueBoardIdentity(
  deviceId: string,
  issuer: LeafIssuer,
  kind: BoardKeyKind = 'ec-p256',
): Promise<Certified & { privateKeyPem: string }> {
  const { spki, pkcs8 } = kind === 'ec-p256' ? newEcKey() : await newRsaKey();
  const identity = {
    privateKeyPem: toPem('PRIVATE KEY', pkcs8),
    ...(await certifyKey(deviceId, spki, issuer)),
  };
  pkcs8.fill(0);
  return identity;
}

/** The certificate of a key that is there, e.g. on the board. */
export async function certifyKey(deviceId: string, spki: Buffer, issuer: LeafIssuer): Promise<Certified> {
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
  return {
    certificatePem: toPem('CERTIFICATE', certificate),
    certificateId: createHash('sha256').update(certificate).digest('hex'),
    publicKeySha256: createHash('sha256').update(spki).digest('hex'),
  };
}

interface KeyPair {
  /** DER of the SubjectPublicKeyInfo. */
  spki: Buffer;
  /** DER; to be overwritten after use. */
  pkcs8: Buffer;
}

/**
 * P-256. The key's PKCS#8 is put together here because the encoder behind `generateKeyPairSync` takes most of the time of
 * the whole issuance.
 */
function newEcKey(): KeyPair {
  const ecdh = createECDH('prime256v1');
  const point = ecdh.generateKeys();
  const secret = ecdh.getPrivateKey();
  // OpenSSL drops leading zeros; the encoding has 32 bytes always.
  const padded = Buffer.alloc(32);
  secret.copy(padded, 32 - secret.length);
  const pkcs8 = Buffer.concat([pkcs8Prefix, padded, pkcs8Middle, point]);
  for (const buffer of [secret, padded]) buffer.fill(0);
  return { spki: Buffer.concat([spkiPrefix, point]), pkcs8 };
}

/** RSA-2048, in a thread of its own: it takes a tenth of a second. */
async function newRsaKey(): Promise<KeyPair> {
  const { publicKey, privateKey } = await generateKeyPairAsync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  return { spki: publicKey, pkcs8: privateKey };
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
