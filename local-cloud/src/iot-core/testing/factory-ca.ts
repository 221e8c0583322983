import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

const dayMs = 86_400_000;

export const p256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
export const rsa = (bits: number, hash = 'SHA-256') => ({
  name: 'RSASSA-PKCS1-v1_5',
  hash,
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: bits,
});
type Algorithm = typeof p256 | ReturnType<typeof rsa>;

interface Validity {
  notBefore?: Date;
  notAfter?: Date;
}

export function generateKeys(algorithm: Algorithm = p256): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<CryptoKeyPair>;
}

/** A factory's authority as a stranger would make it, with @peculiar/x509. */
export class FactoryCa {
  readonly pem: string;
  readonly #certificate: x509.X509Certificate;
  readonly #keys: CryptoKeyPair;
  readonly #algorithm: Algorithm;

  private constructor(certificate: x509.X509Certificate, keys: CryptoKeyPair, algorithm: Algorithm) {
    this.pem = certificate.toString('pem');
    this.#certificate = certificate;
    this.#keys = keys;
    this.#algorithm = algorithm;
  }

  static async create(
    name = 'CN=Test factory CA',
    { algorithm = p256, isCa = true, ...validity }: { algorithm?: Algorithm; isCa?: boolean } & Validity = {},
  ): Promise<FactoryCa> {
    const keys = await generateKeys(algorithm);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name,
      keys,
      signingAlgorithm: algorithm,
      notBefore: validity.notBefore ?? new Date(Date.now() - dayMs),
      notAfter: validity.notAfter ?? new Date(Date.now() + 365 * dayMs),
      extensions: isCa
        ? [
            new x509.BasicConstraintsExtension(true, 0, true),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
            await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
          ]
        : [new x509.BasicConstraintsExtension(false, undefined, true)],
    });
    return new FactoryCa(certificate, keys, algorithm);
  }

  /** A leaf in PEM, with its private key in PKCS#8 PEM. */
  async issue(
    commonName: string,
    { algorithm = p256, ...validity }: { algorithm?: Algorithm } & Validity = {},
  ): Promise<{ certificatePem: string; keyPem: string }> {
    const keys = await generateKeys(algorithm);
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${commonName}`,
      issuer: this.#certificate.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: this.#algorithm,
      notBefore: validity.notBefore ?? new Date(Date.now() - dayMs),
      notAfter: validity.notAfter ?? new Date(Date.now() + 30 * dayMs),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate),
      ],
    });
    const key = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
    return {
      certificatePem: certificate.toString('pem'),
      keyPem: x509.PemConverter.encode(key, 'PRIVATE KEY'),
    };
  }
}
