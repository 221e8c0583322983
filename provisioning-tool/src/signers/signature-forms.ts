import { type Asn1, positiveInteger, sequence, toDer } from '../ca/asn1.ts';

/** DigestInfo of SHA-256 up to the digest (RFC 8017 §9.2 note 1). */
const digestInfoPrefix = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/** What RSASSA-PKCS1-v1_5 pads and signs, where the token does not hash itself. */
export function pkcs1DigestInfo(sha256: Buffer): Buffer {
  return Buffer.concat([digestInfoPrefix, sha256]);
}

/** Ecdsa-Sig-Value (RFC 3279 §2.2.3) of the halves r ‖ s, as tokens give them. */
export function ecdsaSignatureOf(raw: Buffer): Buffer {
  if (raw.length === 0 || raw.length % 2 !== 0) throw new RangeError('not r ‖ s of equal length');
  const half = raw.length / 2;
  return toDer(sequence(unsignedInteger(raw.subarray(0, half)), unsignedInteger(raw.subarray(half))));
}

/** INTEGER of big-endian bytes: without leading zeros, but with one where the first bit would be taken for a sign. */
export function unsignedInteger(bytes: Buffer): Asn1 {
  let first = 0;
  while (first < bytes.length - 1 && bytes[first] === 0) first++;
  const magnitude = bytes.subarray(first);
  return positiveInteger(
    (magnitude[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), magnitude]) : magnitude,
  );
}
