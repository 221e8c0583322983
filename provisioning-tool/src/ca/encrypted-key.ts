import { createCipheriv, createPrivateKey, type KeyObject, pbkdf2Sync, randomBytes } from 'node:crypto';
import { Refusal } from '../refusal.ts';
import { nullValue, octetString, oid, sequence, smallInteger, toDer, toPem } from './asn1.ts';

/** OWASP password storage guidance for PBKDF2-HMAC-SHA256; node:crypto's own export stops at 2,048. */
export const keyDerivationRounds = 600_000;

/**
 * PKCS#8 `ENCRYPTED PRIVATE KEY` (PBES2, RFC 8018 appendix A.4): PBKDF2-HMAC-SHA256 and AES-256-CBC, as written by
 * `openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 600000`, so that openssl reads it too.
 */
export function encryptPrivateKey(key: KeyObject, passphrase: string): string {
  const plain = key.export({ type: 'pkcs8', format: 'der' });
  const salt = randomBytes(16);
  const iv = randomBytes(16);
  const derived = pbkdf2Sync(passphrase, salt, keyDerivationRounds, 32, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', derived, iv);
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
  plain.fill(0);
  derived.fill(0);
  const hmacWithSha256 = sequence(oid('1.2.840.113549.2.9'), nullValue);
  const pbkdf2 = sequence(
    oid('1.2.840.113549.1.5.12'),
    sequence(octetString(salt), smallInteger(keyDerivationRounds), hmacWithSha256),
  );
  const aes256Cbc = sequence(oid('2.16.840.1.101.3.4.1.42'), octetString(iv));
  const pbes2 = sequence(oid('1.2.840.113549.1.5.13'), sequence(pbkdf2, aes256Cbc));
  return toPem('ENCRYPTED PRIVATE KEY', toDer(sequence(pbes2, octetString(encrypted))));
}

export function decryptPrivateKey(pem: string, passphrase: string, path: string): KeyObject {
  if (!pem.includes('ENCRYPTED PRIVATE KEY')) {
    throw new Refusal('ca', `${path} is not an encrypted PKCS#8 key; a CA key is never kept in clear.`);
  }
  try {
    return createPrivateKey({ key: pem, passphrase });
  } catch {
    // OpenSSL's reason may quote bytes of what it tried: it is not passed on.
    throw new Refusal('ca', `The passphrase does not open ${path}, or the file is damaged; try again.`);
  }
}
