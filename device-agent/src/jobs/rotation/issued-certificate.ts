import { createPrivateKey, X509Certificate } from 'node:crypto';

export type IssuedCertificate = { pem: string } | { fault: string };

/** The certificate in PEM, or why it is of no use with this key, as a sentence. */
export function readIssued(
  certificateDer: Uint8Array,
  privateKeyPem: string,
  now: number,
): IssuedCertificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(certificateDer);
  } catch {
    return { fault: 'What came is no certificate.' };
  }
  if (!certificate.checkPrivateKey(createPrivateKey(privateKeyPem)))
    return { fault: 'The certificate is not for the key of the request.' };
  if (Date.parse(certificate.validTo) <= now)
    return { fault: `The certificate has expired on ${certificate.validTo} by this board's clock.` };
  return { pem: certificate.toString() };
}
