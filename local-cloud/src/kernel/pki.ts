import 'reflect-metadata';
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;

export interface TlsIdentity {
  keyPem: string;
  /** Leaf, then the root that signed it. */
  certificatePem: string;
}

/**
 * The stand-in's own authority, in place of the Amazon root: signs the certificates of its TLS endpoints and the
 * client certificates that it issues (CreateKeysAndCertificate, CreateCertificateFromCsr).
 */
export class Pki {
  readonly rootCaPath: string;
  readonly rootCaPem: string;
  readonly #root: x509.X509Certificate;
  readonly #rootKey: CryptoKey;

  private constructor(rootCaPath: string, rootCaPem: string, rootKey: CryptoKey) {
    this.rootCaPath = rootCaPath;
    this.rootCaPem = rootCaPem;
    this.#root = new x509.X509Certificate(rootCaPem);
    this.#rootKey = rootKey;
  }

  /** Opens the authority in `directory`, or makes it. */
  static async open(directory: string): Promise<Pki> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const certificateFile = join(directory, 'root-ca.pem');
    const keyFile = join(directory, 'root-ca.key');
    if (!existsSync(certificateFile)) {
      const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const certificate = await x509.X509CertificateGenerator.createSelfSigned({
        name: 'O=AOVIS local cloud, CN=Local root CA',
        keys,
        signingAlgorithm: algorithm,
        notBefore: new Date(Date.now() - dayMs),
        notAfter: new Date(Date.now() + 20 * 365 * dayMs),
        extensions: [
          new x509.BasicConstraintsExtension(true, 1, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        ],
      });
      // The certificate comes last: where it exists, the key does.
      writeWhole(keyFile, await exportKeyPem(keys.privateKey));
      writeWhole(certificateFile, certificate.toString('pem'));
    }
    const rootKey = await importKey(createPrivateKey(readFileSync(keyFile, 'utf8')));
    return new Pki(certificateFile, readFileSync(certificateFile, 'utf8'), rootKey);
  }

  /** A server identity for `localhost` and 127.0.0.1, made anew at each start. */
  async serverIdentity(): Promise<TlsIdentity> {
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await this.#issue(keys.publicKey, 'CN=localhost', [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
      ]),
    ]);
    return { keyPem: await exportKeyPem(keys.privateKey), certificatePem: `${certificate}${this.rootCaPem}` };
  }

  /** A client certificate in PEM for a public key, with the subject AWS gives its own. */
  async clientCertificate(
    publicKey: x509.PublicKeyType,
    subject = 'CN=AWS IoT Certificate',
  ): Promise<string> {
    return this.#issue(publicKey, subject, [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ]);
  }

  async #issue(
    publicKey: x509.PublicKeyType,
    subject: string,
    extensions: x509.Extension[],
  ): Promise<string> {
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: Buffer.from(crypto.getRandomValues(new Uint8Array(16)))
        .toString('hex')
        .replace(/^[89a-f]/, '7'),
      subject,
      issuer: this.#root.subject,
      publicKey,
      signingKey: this.#rootKey,
      signingAlgorithm: algorithm,
      notBefore: new Date(Date.now() - dayMs),
      // AWS's own client certificates end here.
      notAfter: new Date('2049-12-31T23:59:59Z'),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        ...extensions,
        await x509.SubjectKeyIdentifierExtension.create(publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(this.#root),
      ],
    });
    return `${new X509Certificate(Buffer.from(certificate.rawData)).toString()}`;
  }
}

async function exportKeyPem(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

async function importKey(key: KeyObject): Promise<CryptoKey> {
  return crypto.subtle.importKey('pkcs8', key.export({ format: 'der', type: 'pkcs8' }), algorithm, false, [
    'sign',
  ]);
}

function writeWhole(file: string, text: string): void {
  const part = `${file}.part`;
  writeFileSync(part, text, { mode: 0o600 });
  chmodSync(part, 0o600);
  renameSync(part, file);
}
