import forge from 'node-forge';

declare module 'node-forge' {
  namespace asn1 {
    /** Missing in the types: options instead of `strict`. */
    function fromDer(
      bytes: Bytes | util.ByteBuffer,
      options: { strict: boolean; decodeBitStrings: boolean },
    ): Asn1;
  }
}

/** A value of ASN.1, as node-forge has it: a tree whose leaves hold bytes as a «binary string». */
export type Asn1 = forge.asn1.Asn1;

const { Class, Type, create } = forge.asn1;

const binary = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const universal = (type: forge.asn1.Type, content: string): Asn1 =>
  create(Class.UNIVERSAL, type, false, content);

export const sequence = (...content: Asn1[]): Asn1 => create(Class.UNIVERSAL, Type.SEQUENCE, true, content);
export const set = (...content: Asn1[]): Asn1 => create(Class.UNIVERSAL, Type.SET, true, content);
export const octetString = (content: Uint8Array): Asn1 => universal(Type.OCTETSTRING, binary(content));
export const utf8String = (text: string): Asn1 => universal(Type.UTF8, binary(Buffer.from(text, 'utf8')));
export const oid = (dotted: string): Asn1 => universal(Type.OID, forge.asn1.oidToDer(dotted).getBytes());
export const nullValue: Asn1 = universal(Type.NULL, '');
export const booleanTrue: Asn1 = universal(Type.BOOLEAN, '\xff');
/** Context-specific tag `[n]` around other values. */
export const explicit = (n: number, ...content: Asn1[]): Asn1 =>
  create(Class.CONTEXT_SPECIFIC, n, true, content);
/** Context-specific tag `[n]` in place of the value's own. */
export const implicit = (n: number, content: Uint8Array): Asn1 =>
  create(Class.CONTEXT_SPECIFIC, n, false, binary(content));

/** INTEGER of a whole number below 2³¹. */
export const smallInteger = (value: number): Asn1 =>
  universal(Type.INTEGER, forge.asn1.integerToDer(value).getBytes());

/** INTEGER of big-endian bytes, the first of which must be from 0x01 to 0x7f: then they are DER as they are. */
export const positiveInteger = (bytes: Uint8Array): Asn1 => universal(Type.INTEGER, binary(bytes));

/** `unusedBits` trailing bits of the last byte do not count. */
export const bitString = (content: Uint8Array, unusedBits = 0): Asn1 =>
  universal(Type.BITSTRING, String.fromCharCode(unusedBits) + binary(content));

/** UTCTime to the end of 2049, GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5); milliseconds are dropped. */
export function time(date: Date): Asn1 {
  return date.getUTCFullYear() < 2050
    ? universal(Type.UTCTIME, forge.asn1.dateToUtcTime(date))
    : universal(Type.GENERALIZEDTIME, forge.asn1.dateToGeneralizedTime(date));
}

export function toDer(value: Asn1): Buffer {
  return Buffer.from(forge.asn1.toDer(value).getBytes(), 'latin1');
}

/** Throws on anything that is not one DER value. */
export function fromDer(der: Uint8Array): Asn1 {
  // Bits stay bits: forge would look for further ASN.1 in keys and signatures.
  return forge.asn1.fromDer(forge.util.createBuffer(binary(der)), { strict: true, decodeBitStrings: false });
}

/** The values in a sequence, set or explicit tag; none when it is a leaf. */
export function childrenOf(value: Asn1 | undefined): Asn1[] {
  return typeof value?.value === 'object' ? value.value : [];
}

/** What a leaf holds. */
export function bytesOf(value: Asn1 | undefined): Buffer | undefined {
  return typeof value?.value === 'string' ? Buffer.from(value.value, 'latin1') : undefined;
}

/** PEM text (RFC 7468) of one DER structure. forge's own ends its lines with CR LF. */
export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
