import {
  constants,
  createHash,
  createPublicKey,
  type KeyObject,
  privateEncrypt,
  publicDecrypt,
  timingSafeEqual,
} from 'node:crypto';
import { p256 } from '@noble/curves/nist.js';
import { invalidKeyUsage, validation } from './errors.ts';
import type { KeySpec } from './keys.ts';

/** DigestInfo up to the digest (RFC 8017 §9.2 note 1). */
const digestInfoPrefixes = {
  sha256: Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  sha384: Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  sha512: Buffer.from('3051300d060960864801650304020305000440', 'hex'),
} as const;
type Hash = keyof typeof digestInfoPrefixes;

export interface SignatureInput {
  message: Buffer;
  messageType: 'RAW' | 'DIGEST';
  algorithm: string;
}

/** Signing algorithms by key spec (AWS KMS Developer Guide, "Asymmetric key specs"), but RSASSA_PSS. */
export function algorithmsOf(spec: KeySpec): readonly string[] {
  return spec === 'ECC_NIST_P256'
    ? ['ECDSA_SHA_256']
    : [256, 384, 512].map((bits) => `RSASSA_PKCS1_V1_5_SHA_${bits}`);
}

export function signWith(key: KeyObject, spec: KeySpec, input: SignatureInput): Buffer {
  const hash = hashOf(spec, input.algorithm);
  const digest = digestOf(input, hash);
  if (spec !== 'ECC_NIST_P256')
    return privateEncrypt(
      { key, padding: constants.RSA_PKCS1_PADDING },
      Buffer.concat([digestInfoPrefixes[hash], digest]),
    );
  // Node hashes whatever it signs with an EC key; a digest must be signed as it is.
  const secret = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
  return Buffer.from(p256.sign(digest, secret, { prehash: false, lowS: false }).toBytes('der'));
}

export function verifyWith(
  key: KeyObject,
  spec: KeySpec,
  input: SignatureInput & { signature: Buffer },
): boolean {
  const hash = hashOf(spec, input.algorithm);
  const digest = digestOf(input, hash);
  const publicKey = createPublicKey(key);
  try {
    if (spec === 'ECC_NIST_P256') {
      const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
      const point = Buffer.concat([
        Buffer.from([4]),
        Buffer.from(x, 'base64url'),
        Buffer.from(y, 'base64url'),
      ]);
      return p256.verify(input.signature, digest, point, { prehash: false, lowS: false, format: 'der' });
    }
    const opened = publicDecrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, input.signature);
    const wanted = Buffer.concat([digestInfoPrefixes[hash], digest]);
    return opened.length === wanted.length && timingSafeEqual(opened, wanted);
  } catch {
    // Of no form that a signature has.
    return false;
  }
}

function hashOf(spec: KeySpec, algorithm: string): Hash {
  if (!algorithmsOf(spec).includes(algorithm))
    throw invalidKeyUsage(`Algorithm ${algorithm} and key spec ${spec} are not compatible.`);
  return algorithm.endsWith('256') ? 'sha256' : algorithm.endsWith('384') ? 'sha384' : 'sha512';
}

/** RAW: at most 4,096 bytes, hashed here; DIGEST: exactly as long as the hash (AWS KMS API Reference, Sign). */
function digestOf({ message, messageType }: SignatureInput, hash: Hash): Buffer {
  if (messageType === 'RAW') {
    if (message.length < 1 || message.length > 4096)
      throw validation('Message must have 1 to 4096 bytes; give a DIGEST of a longer one.');
    return createHash(hash).update(message).digest();
  }
  const wanted = Number(hash.slice('sha'.length)) / 8;
  if (message.length !== wanted)
    throw validation(`Digest is invalid length for algorithm: ${wanted} bytes are expected.`);
  return message;
}
