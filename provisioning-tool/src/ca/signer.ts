import { type KeyObject, sign } from 'node:crypto';
import { Refusal } from '../refusal.ts';
import { type Asn1, nullValue, oid, sequence } from './asn1.ts';

/**
 * The issuing key, wherever it lives: today an encrypted file, as well a token (PKCS#11) or a cloud KMS. Only
 * signatures come out of it.
 */
export interface Signer {
  /** AlgorithmIdentifier of the signatures: ecdsa-with-SHA256 (RFC 5758) or sha256WithRSAEncryption (RFC 4055). */
  readonly signatureAlgorithm: Asn1;
  /** Signature over SHA-256 of `message`; for EC keys a DER Ecdsa-Sig-Value. */
  sign(message: Buffer): Buffer | Promise<Buffer>;
}

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));
const sha256WithRsa = sequence(oid('1.2.840.113549.1.1.11'), nullValue);

/** Signs with a private key in memory. */
export function keySigner(key: KeyObject): Signer {
  return {
    signatureAlgorithm: algorithmOf(key),
    sign: (message) => sign('sha256', message, key),
  };
}

function algorithmOf(key: KeyObject): Asn1 {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return ecdsaWithSha256;
  if (key.asymmetricKeyType === 'rsa' && (modulusLength ?? 0) >= 2048) return sha256WithRsa;
  throw new Refusal('ca', 'The CA key is neither EC P-256 nor RSA of at least 2048 bits; make a new CA.');
}
