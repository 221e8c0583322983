import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { Refusal } from '../refusal.ts';
import { type Asn1, nullValue, oid, sequence } from './asn1.ts';

/**
 * A CA's key, wherever it lives: an encrypted file, a token (PKCS#11) or AWS KMS. Only signatures come out of it.
 */
export interface Signer {
  /** AlgorithmIdentifier of the signatures: ecdsa-with-SHA256 (RFC 5758) or sha256WithRSAEncryption (RFC 4055). */
  readonly signatureAlgorithm: Asn1;
  /** The public half, to be held against the certificate. */
  readonly publicKey: KeyObject;
  /** Signature over SHA-256 of `message`; for EC keys a DER Ecdsa-Sig-Value. */
  sign(message: Buffer): Buffer | Promise<Buffer>;
  /** Lets go of sessions and connections; may be called twice. */
  close(): void;
}

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));
const sha256WithRsa = sequence(oid('1.2.840.113549.1.1.11'), nullValue);

/** Signs with a private key in memory. */
export function keySigner(key: KeyObject): Signer {
  const publicKey = createPublicKey(key);
  return {
    signatureAlgorithm: signatureAlgorithmOf(publicKey),
    publicKey,
    sign: (message) => sign('sha256', message, key),
    close: () => undefined,
  };
}

/** @throws Refusal for keys that AWS IoT or this tool does not take as a CA's */
export function signatureAlgorithmOf(publicKey: KeyObject): Asn1 {
  return kindOfKey(publicKey) === 'ec-p256' ? ecdsaWithSha256 : sha256WithRsa;
}

/** @throws Refusal for keys that are neither EC P-256 nor RSA of 2048 bits or more */
export function kindOfKey(key: KeyObject): 'ec-p256' | 'rsa' {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return 'ec-p256';
  if (key.asymmetricKeyType === 'rsa' && (modulusLength ?? 0) >= 2048) return 'rsa';
  throw new Refusal(
    'ca',
    'The CA key is neither EC P-256 nor RSA of at least 2048 bits; take a key of one of these kinds.',
  );
}
