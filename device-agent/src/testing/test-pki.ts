import 'reflect-metadata';
import { createHash } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;

export interface Issued {
  /** PEM. */
  certificate: string;
  /** PEM, PKCS#8. */
  privateKey: string;
}

export interface IssueOptions {
  commonName: string;
  notBefore?: Date;
  notAfter?: Date;
}

/** A certificate authority for one test: P-256 throughout, valid from yesterday unless told otherwise. */
export class TestCa {
  readonly certificate: string;
  readonly #keys: CryptoKeyPair;
  readonly #issuer: x509.X509Certificate;

  private constructor(keys: CryptoKeyPair, issuer: x509.X509Certificate) {
    this.#keys = keys;
    this.#issuer = issuer;
    this.certificate = issuer.toString('pem');
  }

  static async create(commonName = 'Test Root'): Promise<TestCa> {
    const keys = await newKeys();
    const issuer = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerial(),
      name: `CN=${commonName}`,
      ...validity({ commonName }),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ],
    });
    return new TestCa(keys, issuer);
  }

  /** An authority under this one. */
  issueAuthority(commonName: string): Promise<TestCa> {
    return this.#below(commonName, [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ]);
  }

  /** One that has a key and signs with it, though it may not. */
  issueNoAuthority(commonName: string): Promise<TestCa> {
    return this.#below(commonName, []);
  }

  issueClient(options: IssueOptions): Promise<Issued> {
    return this.#issue(options, []);
  }

  /** For `localhost` and 127.0.0.1; `purpose` is an extended key usage, the only one. */
  issueServer({ purpose, ...options }: Partial<IssueOptions> & { purpose?: string } = {}): Promise<Issued> {
    const names = new x509.SubjectAlternativeNameExtension([
      { type: 'dns', value: 'localhost' },
      { type: 'ip', value: '127.0.0.1' },
    ]);
    const purposes = purpose === undefined ? [] : [new x509.ExtendedKeyUsageExtension([purpose])];
    return this.#issue({ commonName: 'localhost', ...options }, [names, ...purposes]);
  }

  /** The list of revoked certificates, PEM. */
  async revoke(...revoked: readonly Issued[]): Promise<string> {
    const list = await x509.X509CrlGenerator.create({
      issuer: this.#issuer.subject,
      thisUpdate: new Date(Date.now() - dayMs),
      nextUpdate: new Date(Date.now() + dayMs),
      entries: revoked.map(({ certificate }) => ({
        serialNumber: new x509.X509Certificate(certificate).serialNumber,
        revocationDate: new Date(Date.now() - dayMs),
      })),
      signingAlgorithm: algorithm,
      signingKey: this.#keys.privateKey,
    });
    return x509.PemConverter.encode(list.rawData, 'X509 CRL');
  }

  /** As AWS IoT Core answers CreateCertificateFromCsr; rejects when the request is not signed by its key. */
  async issueFor(csrDer: Uint8Array): Promise<{ der: Buffer; certificate: string; certificateId: string }> {
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(csrDer));
    if (!(await request.verify())) throw new Error('The request is not signed by its own key');
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: request.subject,
      issuer: this.#issuer.subject,
      ...validity({ commonName: '' }),
      signingAlgorithm: algorithm,
      publicKey: await request.publicKey.export(),
      signingKey: this.#keys.privateKey,
    });
    const der = Buffer.from(certificate.rawData);
    const certificateId = createHash('sha256').update(der).digest('hex');
    return { der, certificate: certificate.toString('pem'), certificateId };
  }

  async #issue(options: IssueOptions, extensions: x509.Extension[]): Promise<Issued> {
    const keys = await newKeys();
    const certificate = await this.#sign(options, keys, extensions);
    const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
    return {
      certificate: certificate.toString('pem'),
      privateKey: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    };
  }

  async #below(commonName: string, extensions: x509.Extension[]): Promise<TestCa> {
    const keys = await newKeys();
    return new TestCa(keys, await this.#sign({ commonName }, keys, extensions));
  }

  #sign(
    options: IssueOptions,
    keys: CryptoKeyPair,
    extensions: x509.Extension[],
  ): Promise<x509.X509Certificate> {
    return x509.X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: `CN=${options.commonName}`,
      issuer: this.#issuer.subject,
      ...validity(options),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      extensions,
    });
  }
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

const newSerial = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex');

function validity({ notBefore, notAfter }: IssueOptions): { notBefore: Date; notAfter: Date } {
  return {
    notBefore: notBefore ?? new Date(Date.now() - dayMs),
    notAfter: notAfter ?? new Date(Date.now() + 365 * dayMs),
  };
}
