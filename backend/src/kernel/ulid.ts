/** Crockford's base32: without I, L, O and U. */
const symbols = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * A ULID (https://github.com/ulid/spec): 48 bits of milliseconds since the Unix epoch, then 80 random bits.
 * @param random 10 bytes, unpredictable
 */
export function ulidOf(at: Date, random: Uint8Array): string {
  if (random.length !== 10) throw new Error('a ULID takes 10 random bytes');
  const value = (BigInt(at.getTime()) << 80n) | BigInt(`0x${Buffer.from(random).toString('hex')}`);
  return Array.from({ length: 26 }, (_, index) => {
    const symbol = Number((value >> BigInt(5 * (25 - index))) & 31n);
    return symbols.charAt(symbol);
  }).join('');
}
