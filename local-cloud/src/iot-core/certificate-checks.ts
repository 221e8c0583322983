import { X509Certificate } from 'node:crypto';
import { certificateInvalid, invalidRequest } from './errors.ts';

/** AWS IoT Developer Guide, "X.509 client certificates": signing algorithms that AWS IoT supports. */
const signatureAlgorithms = new Set([
  '1.2.840.113549.1.1.11', // sha256WithRSAEncryption
  '1.2.840.113549.1.1.12', // sha384WithRSAEncryption
  '1.2.840.113549.1.1.13', // sha512WithRSAEncryption
  '1.2.840.113549.1.1.10', // RSASSA-PSS
  '2.16.840.1.101.3.4.3.2', // DSA_WITH_SHA256
  '1.2.840.10045.4.3.2', // ECDSA-WITH-SHA256
  '1.2.840.10045.4.3.3', // ECDSA-WITH-SHA384
  '1.2.840.10045.4.3.4', // ECDSA-WITH-SHA512
]);
const curves = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const smallestRsaBits = 2048;

/** Reads the first certificate of a PEM text, or refuses it as AWS does. */
export function parseCertificate(pem: string): X509Certificate {
  if (!pem.includes('-----BEGIN CERTIFICATE-----'))
    throw certificateInvalid('The certificate is not in PEM format');
  try {
    return new X509Certificate(pem);
  } catch {
    throw certificateInvalid('The certificate could not be parsed');
  }
}

/** AWS's certificate id: lower-case hex SHA-256 of the DER. */
export function certificateIdOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

/** What AWS asks of every certificate that it registers. `now` in milliseconds since the epoch. */
export function checkCertificate(certificate: X509Certificate, now: number): void {
  checkKey(certificate.publicKey);
  if (!signatureAlgorithms.has(certificate.signatureAlgorithmOid ?? ''))
    throw certificateInvalid(
      `The signature algorithm ${certificate.signatureAlgorithm ?? 'of the certificate'} is not supported`,
    );
  if (now < certificate.validFromDate.getTime()) throw certificateInvalid('The certificate is not yet valid');
  if (now > certificate.validToDate.getTime()) throw certificateInvalid('The certificate has expired');
}

/** RSA of at least 2048 bits, or NIST P-256, P-384 or P-521. */
export function checkKey(key: X509Certificate['publicKey']): void {
  const details = key.asymmetricKeyDetails ?? {};
  const fits =
    key.asymmetricKeyType === 'ec'
      ? curves.has(details.namedCurve ?? '')
      : key.asymmetricKeyType?.startsWith('rsa') === true && (details.modulusLength ?? 0) >= smallestRsaBits;
  if (!fits) throw certificateInvalid('The key in the certificate is not valid');
}

export function checkCa(certificate: X509Certificate, now: number): void {
  checkCertificate(certificate, now);
  if (!certificate.ca) throw certificateInvalid('The certificate is not a CA certificate');
}

/** Both the names and the signature must fit. */
export function isSignedBy(certificate: X509Certificate, ca: X509Certificate): boolean {
  return certificate.checkIssued(ca) && certificate.verify(ca.publicKey);
}

/** `CN` of a Node subject text (`O=…\nCN=…`). */
export function commonNameOf(certificate: X509Certificate): string | undefined {
  return /(?:^|\n)CN=([^\n]*)/.exec(certificate.subject ?? '')?.[1];
}

/** Statuses a caller may give; the others AWS sets itself and refuses to be told. */
export function checkCallersStatus(status: string): asserts status is 'ACTIVE' | 'INACTIVE' | 'REVOKED' {
  if (status !== 'ACTIVE' && status !== 'INACTIVE' && status !== 'REVOKED')
    throw invalidRequest(`The certificate status ${status} is used by AWS IoT itself and cannot be set`);
}
