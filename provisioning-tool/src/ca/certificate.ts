import { createHash, randomBytes } from 'node:crypto';
import {
  bitString,
  booleanTrue,
  explicit,
  integer,
  octetString,
  oid,
  readElements,
  sequence,
  set,
  smallInteger,
  time,
  tlv,
  utf8String,
} from './der.ts';
import type { Signer } from './signer.ts';

/** «No well-defined expiry», RFC 5280 §4.1.2.5. */
export const neverExpires = new Date('9999-12-31T23:59:59Z');

const version3 = explicit(0, smallInteger(2));

/** X.501 name of organisation and common name, both UTF8String. */
export function nameOf(subject: { organization?: string; commonName: string }): Buffer {
  const attribute = (type: string, value: string) => set(sequence(oid(type), utf8String(value)));
  return sequence(
    ...(subject.organization ? [attribute('2.5.4.10', subject.organization)] : []),
    attribute('2.5.4.3', subject.commonName),
  );
}

/** SHA-1 of the public key's bits (RFC 5280 §4.2.1.2 method 1): an identifier, not a protection. */
export function keyIdentifierOf(spki: Buffer): Buffer {
  const bits = readElements(readElements(spki)[0]?.content ?? Buffer.alloc(0))[1]?.content;
  if (!bits) throw new RangeError('not a SubjectPublicKeyInfo');
  return createHash('sha1').update(bits.subarray(1)).digest();
}

const extension = (type: string, value: Buffer) => sequence(oid(type), octetString(value));
const criticalExtension = (type: string, value: Buffer) =>
  sequence(oid(type), booleanTrue, octetString(value));
const subjectKeyIdentifier = (id: Buffer) => extension('2.5.29.14', octetString(id));
const authorityKeyIdentifier = (id: Buffer) => extension('2.5.29.35', sequence(tlv(0x80, id)));

/** Critical CA:FALSE (the default, so the sequence is empty), digitalSignature alone, clientAuth. */
const leafExtensions = Buffer.concat([
  criticalExtension('2.5.29.19', sequence()),
  criticalExtension('2.5.29.15', bitString(Buffer.from([0b1000_0000]), 7)),
  extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.2'))),
]);

/** Extensions of a board's certificate, ready but for its own key identifier. */
export function leafExtensionsOf(spki: Buffer, issuerKeyId: Buffer): Buffer {
  return Buffer.concat([
    leafExtensions,
    subjectKeyIdentifier(keyIdentifierOf(spki)),
    authorityKeyIdentifier(issuerKeyId),
  ]);
}

/**
 * Critical CA:TRUE, critical keyCertSign and cRLSign. `pathLength` 0: signs boards only; undefined: no bound.
 */
export function caExtensionsOf(spki: Buffer, issuerKeyId: Buffer, pathLength?: number): Buffer {
  const bound = pathLength === undefined ? [] : [smallInteger(pathLength)];
  return Buffer.concat([
    criticalExtension('2.5.29.19', sequence(booleanTrue, ...bound)),
    criticalExtension('2.5.29.15', bitString(Buffer.from([0b0000_0110]), 1)),
    subjectKeyIdentifier(keyIdentifierOf(spki)),
    authorityKeyIdentifier(issuerKeyId),
  ]);
}

export interface CertificateRequest {
  /** X.501 names, DER. */
  issuer: Buffer;
  subject: Buffer;
  /** SubjectPublicKeyInfo, DER. */
  spki: Buffer;
  notBefore: Date;
  notAfter: Date;
  extensions: Buffer;
}

/** Signs an X.509 v3 certificate (RFC 5280 §4.1) and returns its DER. */
export async function signCertificate(request: CertificateRequest, signer: Signer): Promise<Buffer> {
  const tbs = toBeSigned(request, signer);
  return sequence(tbs, signer.signatureAlgorithm, bitString(await signer.sign(tbs)));
}

function toBeSigned(request: CertificateRequest, signer: Signer): Buffer {
  return sequence(
    version3,
    randomSerial(),
    signer.signatureAlgorithm,
    request.issuer,
    sequence(time(request.notBefore), time(request.notAfter)),
    request.subject,
    request.spki,
    explicit(3, sequence(request.extensions)),
  );
}

/** 16 random bytes, positive and not zero (RFC 5280 §4.1.2.2: at most 20 octets, unique per CA). */
function randomSerial(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return integer(bytes);
}

/** Subject (DER) and subject key identifier of a CA certificate, for what it issues. */
export function issuerOf(certificateDer: Buffer): { name: Buffer; keyId: Buffer } {
  const tbs = readElements(certificateDer)[0]?.content;
  const fields = tbs ? readElements(readElements(tbs)[0]?.content ?? Buffer.alloc(0)) : [];
  // version, serial, signature, issuer, validity, subject, subjectPublicKeyInfo, …
  const name = fields[5]?.whole;
  const spki = fields[6]?.whole;
  if (!name || !spki) throw new RangeError('not an X.509 v3 certificate');
  return { name, keyId: findSubjectKeyId(fields.at(-1)?.content) ?? keyIdentifierOf(spki) };
}

function findSubjectKeyId(extensions: Buffer | undefined): Buffer | undefined {
  const wanted = oid('2.5.29.14');
  for (const item of readElements(
    readElements(extensions ?? Buffer.alloc(0))[0]?.content ?? Buffer.alloc(0),
  )) {
    const parts = readElements(item.content);
    if (parts[0]?.whole.equals(wanted))
      return readElements(parts.at(-1)?.content ?? Buffer.alloc(0))[0]?.content;
  }
  return undefined;
}
