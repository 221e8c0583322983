import { createHash, randomBytes } from 'node:crypto';
import {
  type Asn1,
  bitString,
  booleanTrue,
  bytesOf,
  childrenOf,
  explicit,
  fromDer,
  implicit,
  octetString,
  oid,
  positiveInteger,
  sequence,
  set,
  smallInteger,
  time,
  toDer,
  utf8String,
} from './asn1.ts';
import type { Signer } from './signer.ts';

/** «No well-defined expiry», RFC 5280 §4.1.2.5. */
export const neverExpires = new Date('9999-12-31T23:59:59Z');

const version3 = explicit(0, smallInteger(2));

/** X.501 name of organisation and common name, both UTF8String. */
export function nameOf(subject: { organization?: string; commonName: string }): Asn1 {
  const attribute = (type: string, value: string) => set(sequence(oid(type), utf8String(value)));
  return sequence(
    ...(subject.organization ? [attribute('2.5.4.10', subject.organization)] : []),
    attribute('2.5.4.3', subject.commonName),
  );
}

/** SHA-1 of the public key's bits (RFC 5280 §4.2.1.2 method 1): an identifier, not a protection. */
export function keyIdentifierOf(spki: Asn1): Buffer {
  const bits = bytesOf(childrenOf(spki)[1]);
  if (!bits) throw new RangeError('not a SubjectPublicKeyInfo');
  return createHash('sha1').update(bits.subarray(1)).digest();
}

const extension = (type: string, value: Asn1) => sequence(oid(type), octetString(toDer(value)));
const criticalExtension = (type: string, value: Asn1) =>
  sequence(oid(type), booleanTrue, octetString(toDer(value)));
const subjectKeyIdentifier = (id: Buffer) => extension('2.5.29.14', octetString(id));
const authorityKeyIdentifier = (id: Buffer) => extension('2.5.29.35', sequence(implicit(0, id)));

/** Critical CA:FALSE (the default, so the sequence is empty), digitalSignature alone, clientAuth. */
const leafExtensions = [
  criticalExtension('2.5.29.19', sequence()),
  criticalExtension('2.5.29.15', bitString(Buffer.from([0b1000_0000]), 7)),
  extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.2'))),
];

/** Extensions of a board's certificate, ready but for its own key identifier. */
export function leafExtensionsOf(spki: Asn1, issuerKeyId: Buffer): Asn1[] {
  return [
    ...leafExtensions,
    subjectKeyIdentifier(keyIdentifierOf(spki)),
    authorityKeyIdentifier(issuerKeyId),
  ];
}

/**
 * Critical CA:TRUE, critical keyCertSign and cRLSign. `pathLength` 0: signs boards only; undefined: no bound.
 */
export function caExtensionsOf(spki: Asn1, issuerKeyId: Buffer, pathLength?: number): Asn1[] {
  const bound = pathLength === undefined ? [] : [smallInteger(pathLength)];
  return [
    criticalExtension('2.5.29.19', sequence(booleanTrue, ...bound)),
    criticalExtension('2.5.29.15', bitString(Buffer.from([0b0000_0110]), 1)),
    subjectKeyIdentifier(keyIdentifierOf(spki)),
    authorityKeyIdentifier(issuerKeyId),
  ];
}

export interface CertificateRequest {
  /** X.501 names. */
  issuer: Asn1;
  subject: Asn1;
  /** SubjectPublicKeyInfo. */
  spki: Asn1;
  notBefore: Date;
  notAfter: Date;
  extensions: Asn1[];
}

/** Signs an X.509 v3 certificate (RFC 5280 §4.1) and returns its DER. */
export async function signCertificate(request: CertificateRequest, signer: Signer): Promise<Buffer> {
  const tbs = toBeSigned(request, signer);
  const signature = await signer.sign(toDer(tbs));
  return toDer(sequence(tbs, signer.signatureAlgorithm, bitString(signature)));
}

function toBeSigned(request: CertificateRequest, signer: Signer): Asn1 {
  return sequence(
    version3,
    randomSerial(),
    signer.signatureAlgorithm,
    request.issuer,
    sequence(time(request.notBefore), time(request.notAfter)),
    request.subject,
    request.spki,
    explicit(3, sequence(...request.extensions)),
  );
}

/** 16 random bytes, positive and not zero (RFC 5280 §4.1.2.2: at most 20 octets, unique per CA). */
function randomSerial(): Asn1 {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return positiveInteger(bytes);
}

/** Subject and subject key identifier of a CA certificate, for what it issues. */
export function issuerOf(certificateDer: Buffer): { name: Asn1; keyId: Buffer } {
  const [tbs] = childrenOf(fromDer(certificateDer));
  // version, serial, signature, issuer, validity, subject, subjectPublicKeyInfo, …, extensions
  const fields = childrenOf(tbs);
  const [, , , , , name, spki] = fields;
  if (!name || !spki) throw new RangeError('not an X.509 v3 certificate');
  return { name, keyId: findSubjectKeyId(fields.at(-1)) ?? keyIdentifierOf(spki) };
}

function findSubjectKeyId(extensions: Asn1 | undefined): Buffer | undefined {
  const wanted = oid('2.5.29.14').value;
  const found = childrenOf(childrenOf(extensions)[0])
    .map(childrenOf)
    .find(([type]) => type?.value === wanted);
  const value = bytesOf(found?.at(-1));
  return value && bytesOf(fromDer(value));
}
