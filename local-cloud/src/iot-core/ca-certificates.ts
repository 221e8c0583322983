import { randomUUID, X509Certificate } from 'node:crypto';
import {
  certificateIdOf,
  checkCa,
  commonNameOf,
  isSignedBy,
  parseCertificate,
} from './certificate-checks.ts';
import {
  alreadyExists,
  certificateConflict,
  certificateInvalid,
  certificateState,
  limitExceeded,
  notFound,
  registrationCodeInvalid,
} from './errors.ts';
import type { CertificateMode, IotState, StoredCa } from './state.ts';

/** AWS IoT Core quotas: CA certificates with the same subject in one account and region. */
const mostCasOfOneSubject = 10;

export interface CaRegistration {
  caCertificate: string;
  verificationCertificate?: string | undefined;
  certificateMode: CertificateMode;
  setAsActive: boolean;
  allowAutoRegistration: boolean;
}

/** The registered certificate authorities of the account. */
export class CaCertificates {
  readonly #state: IotState;

  constructor(state: IotState) {
    this.#state = state;
  }

  register(request: CaRegistration): StoredCa {
    const { cas, clock } = this.#state;
    const now = clock.now();
    const ca = parseCertificate(request.caCertificate);
    checkCa(ca, now);
    const certificateId = certificateIdOf(ca);
    const certificateArn = this.#state.arn('cacert', certificateId);
    if (cas.has(certificateId))
      throw alreadyExists('The CA certificate is already registered', certificateId, certificateArn);
    this.#checkPossession(ca, request);
    const subject = ca.subject ?? '';
    if (this.#ofSubject(subject).length >= mostCasOfOneSubject)
      throw limitExceeded(`${mostCasOfOneSubject} CA certificates with this subject are registered already`);
    const stored: StoredCa = {
      certificateId,
      certificateArn,
      certificatePem: ca.toString(),
      subject,
      status: request.setAsActive ? 'ACTIVE' : 'INACTIVE',
      autoRegistration: request.allowAutoRegistration,
      certificateMode: request.certificateMode,
      createdAt: now,
      lastModifiedAt: now,
      notBefore: ca.validFromDate.getTime(),
      notAfter: ca.validToDate.getTime(),
      customerVersion: 1,
      generationId: randomUUID(),
    };
    cas.put(certificateId, stored);
    return stored;
  }

  /** DEFAULT mode proves possession of the CA's key by a certificate on the registration code; SNI_ONLY asks for none. */
  #checkPossession(ca: X509Certificate, request: CaRegistration): void {
    if (request.certificateMode === 'SNI_ONLY') {
      if (request.verificationCertificate !== undefined)
        throw certificateInvalid('A verification certificate cannot be given in SNI_ONLY mode');
      return;
    }
    if (request.verificationCertificate === undefined)
      throw certificateInvalid('A verification certificate is required in DEFAULT mode');
    const verification = parseCertificate(request.verificationCertificate);
    if (!isSignedBy(verification, ca))
      throw certificateInvalid('The verification certificate is not signed by the CA certificate');
    if (commonNameOf(verification) !== this.#state.registrationCode())
      throw registrationCodeInvalid(
        'The common name of the verification certificate is not the registration code of this account',
      );
  }

  get(certificateId: string): StoredCa {
    const ca = this.#state.cas.get(certificateId);
    if (ca === undefined) throw notFound(`CA certificate ${certificateId} was not found`);
    return ca;
  }

  list(): StoredCa[] {
    return [...this.#state.cas.values()];
  }

  update(
    certificateId: string,
    change: { status?: 'ACTIVE' | 'INACTIVE' | undefined; autoRegistration?: boolean | undefined },
  ): void {
    const ca = this.get(certificateId);
    this.#state.cas.put(certificateId, {
      ...ca,
      status: change.status ?? ca.status,
      autoRegistration: change.autoRegistration ?? ca.autoRegistration,
      lastModifiedAt: this.#state.clock.now(),
      customerVersion: ca.customerVersion + 1,
    });
  }

  delete(certificateId: string): void {
    if (this.get(certificateId).status === 'ACTIVE')
      throw certificateState('The CA certificate must be INACTIVE before it is deleted');
    this.#state.cas.delete(certificateId);
  }

  /**
   * The registered CA that signed `certificate`. Several with one subject need `caCertificatePem` to say which.
   * Throws when there is none, or when it is not ACTIVE.
   */
  signerOf(certificate: X509Certificate, caCertificatePem: string | undefined): StoredCa {
    const ca =
      caCertificatePem === undefined
        ? this.#onlyCandidate(certificate)
        : this.#state.cas.get(certificateIdOf(parseCertificate(caCertificatePem)));
    if (ca === undefined)
      throw certificateInvalid('The CA certificate that signed this certificate is not registered');
    if (!isSignedBy(certificate, new X509Certificate(ca.certificatePem)))
      throw certificateInvalid('The certificate is not signed by the CA certificate');
    if (ca.status !== 'ACTIVE')
      throw certificateState(`The CA certificate ${ca.certificateId} is not ACTIVE`);
    return ca;
  }

  #onlyCandidate(certificate: X509Certificate): StoredCa | undefined {
    const candidates = this.#ofSubject(certificate.issuer ?? '');
    if (candidates.length > 1)
      throw certificateConflict(
        'More than one registered CA certificate has this subject: pass caCertificatePem to say which',
      );
    return candidates[0];
  }

  /** An ACTIVE CA with auto-registration that signed the certificate, for just-in-time registration. */
  findAutoRegistering(certificate: X509Certificate): StoredCa | undefined {
    return this.#ofSubject(certificate.issuer ?? '').find(
      (ca) =>
        ca.status === 'ACTIVE' &&
        ca.autoRegistration &&
        isSignedBy(certificate, new X509Certificate(ca.certificatePem)),
    );
  }

  #ofSubject(subject: string): StoredCa[] {
    return this.list().filter((ca) => ca.subject === subject);
  }
}
