import 'reflect-metadata';
import { createPublicKey, generateKeyPair, randomUUID, type X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { Pkcs10CertificateRequest } from '@peculiar/x509';
import type { Pki } from '../kernel/pki.ts';
import type { CaCertificates } from './ca-certificates.ts';
import {
  certificateIdOf,
  checkCallersStatus,
  checkCertificate,
  checkKey,
  parseCertificate,
} from './certificate-checks.ts';
import { alreadyExists, certificateInvalid, certificateState, deleteConflict, notFound } from './errors.ts';
import type { CertificateStatus } from './registry.ts';
import type { CertificateMode, IotState, StoredCertificate } from './state.ts';

const generateRsa = promisify(generateKeyPair);

interface Registration {
  certificate: X509Certificate;
  status: CertificateStatus;
  certificateMode: CertificateMode;
  caCertificateId?: string;
}

/** Client certificates: registered, issued, switched on and off, deleted. */
export class Certificates {
  readonly #state: IotState;
  readonly #cas: CaCertificates;
  readonly #pki: Pki;

  constructor(state: IotState, cas: CaCertificates, pki: Pki) {
    this.#state = state;
    this.#cas = cas;
    this.#pki = pki;
  }

  /** RegisterCertificate: signed by a registered, ACTIVE CA. INACTIVE unless the caller says otherwise. */
  register(certificatePem: string, caCertificatePem: string | undefined, status: string): StoredCertificate {
    checkCallersStatus(status);
    const certificate = this.#readNew(certificatePem);
    const ca = this.#cas.signerOf(certificate, caCertificatePem);
    return this.#add({
      certificate,
      status,
      certificateMode: ca.certificateMode,
      caCertificateId: ca.certificateId,
    });
  }

  /** RegisterCertificateWithoutCA: no chain is asked for, now or when the board connects. */
  registerWithoutCa(certificatePem: string, status: string): StoredCertificate {
    checkCallersStatus(status);
    return this.#add({ certificate: this.#readNew(certificatePem), status, certificateMode: 'SNI_ONLY' });
  }

  /** Just-in-time registration: PENDING_ACTIVATION; undefined when no CA asks for it or the certificate is unfit. */
  registerJustInTime(certificatePem: string): StoredCertificate | undefined {
    const certificate = this.#readNew(certificatePem);
    const ca = this.#cas.findAutoRegistering(certificate);
    if (ca === undefined) return undefined;
    return this.#add({
      certificate,
      status: 'PENDING_ACTIVATION',
      certificateMode: ca.certificateMode,
      caCertificateId: ca.certificateId,
    });
  }

  /** CreateKeysAndCertificate: an RSA-2048 pair, given out once and kept nowhere. */
  async createWithKeys(
    setAsActive: boolean,
  ): Promise<{ certificate: StoredCertificate; publicKeyPem: string; privateKeyPem: string }> {
    const pair = await generateRsa('rsa', { modulusLength: 2048 });
    const pem = await this.#pki.clientCertificate(await webCryptoKey(pair.publicKey));
    const certificate = this.#add({
      certificate: parseCertificate(pem),
      status: setAsActive ? 'ACTIVE' : 'INACTIVE',
      certificateMode: 'DEFAULT',
    });
    return {
      certificate,
      publicKeyPem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      privateKeyPem: pair.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    };
  }

  /** CreateCertificateFromCsr: a new certificate each time, also for the same request. */
  async createFromCsr(csrPem: string, setAsActive: boolean): Promise<StoredCertificate> {
    const csr = await readCsr(csrPem);
    const pem = await this.#pki.clientCertificate(csr.publicKey, csr.subject || undefined);
    return this.#add({
      certificate: parseCertificate(pem),
      status: setAsActive ? 'ACTIVE' : 'INACTIVE',
      certificateMode: 'DEFAULT',
    });
  }

  get(certificateId: string): StoredCertificate {
    const certificate = this.#state.certificates.get(certificateId);
    if (certificate === undefined) throw notFound(`Certificate ${certificateId} was not found`);
    return certificate;
  }

  list(): StoredCertificate[] {
    return [...this.#state.certificates.values()];
  }

  listByCa(caCertificateId: string): StoredCertificate[] {
    this.#cas.get(caCertificateId);
    return this.list().filter((certificate) => certificate.caCertificateId === caCertificateId);
  }

  /** UpdateCertificate. Leaving ACTIVE disconnects every board that uses the certificate. */
  setStatus(certificateId: string, status: string): void {
    checkCallersStatus(status);
    const certificate = this.get(certificateId);
    this.#put({
      ...certificate,
      status,
      lastModifiedAt: this.#state.clock.now(),
      customerVersion: certificate.customerVersion + 1,
    });
  }

  /** DeleteCertificate: not ACTIVE, no things; no policies either, unless forced. */
  delete(certificateId: string, force: boolean): void {
    const { certificateArn, status } = this.get(certificateId);
    if (status === 'ACTIVE')
      throw certificateState('Certificate must be deactivated (not ACTIVE) before deletion.');
    if (this.#state.thingPrincipals.leftsOf(certificateArn).size > 0)
      throw deleteConflict(`Things must be detached before deletion (arn: ${certificateArn})`);
    const policies = [...this.#state.policyTargets.leftsOf(certificateArn).keys()];
    if (policies.length > 0 && !force)
      throw deleteConflict(`Certificate policies must be detached before deletion (arn: ${certificateArn})`);
    this.#state.store.transaction(() => {
      for (const policy of policies) this.#state.policyTargets.unlink(policy, certificateArn);
      this.#state.tags.delete(certificateArn);
      this.#state.certificates.delete(certificateId);
    });
    this.#state.changes.emit('certificateDeleted', certificateId);
  }

  #readNew(pem: string): X509Certificate {
    const certificate = parseCertificate(pem);
    const certificateId = certificateIdOf(certificate);
    if (this.#state.certificates.has(certificateId))
      throw alreadyExists(
        'The certificate is already provisioned or registered',
        certificateId,
        this.#state.arn('cert', certificateId),
      );
    checkCertificate(certificate, this.#state.clock.now());
    return certificate;
  }

  #add({ certificate, ...rest }: Registration): StoredCertificate {
    const certificateId = certificateIdOf(certificate);
    const now = this.#state.clock.now();
    const stored: StoredCertificate = {
      certificateId,
      certificateArn: this.#state.arn('cert', certificateId),
      certificatePem: certificate.toString(),
      ...rest,
      createdAt: now,
      lastModifiedAt: now,
      notBefore: certificate.validFromDate.getTime(),
      notAfter: certificate.validToDate.getTime(),
      customerVersion: 1,
      generationId: randomUUID(),
    };
    this.#put(stored);
    return stored;
  }

  #put(certificate: StoredCertificate): void {
    this.#state.certificates.put(certificate.certificateId, certificate);
    this.#state.changes.emit('certificate', certificate);
  }
}

/** A request whose signature shows that the sender holds the key, with a key that AWS takes. */
async function readCsr(pem: string): Promise<Pkcs10CertificateRequest> {
  let csr: Pkcs10CertificateRequest;
  try {
    csr = new Pkcs10CertificateRequest(pem);
    checkKey(createPublicKey({ key: Buffer.from(csr.publicKey.rawData), format: 'der', type: 'spki' }));
  } catch (error) {
    if (error instanceof Error && 'status' in error) throw error;
    throw certificateInvalid('The certificate signing request could not be parsed');
  }
  if (!(await csr.verify()))
    throw certificateInvalid('The signature of the certificate signing request is not valid');
  return csr;
}

function webCryptoKey(key: X509Certificate['publicKey']): Promise<CryptoKey> {
  return crypto.subtle.importKey(
    'spki',
    key.export({ type: 'spki', format: 'der' }),
    { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    true,
    ['verify'],
  );
}
