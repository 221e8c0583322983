/** A certificate that opens nothing yet, and its key where AWS IoT made one. */
export interface LineCertificate {
  certificateId: string;
  certificateArn: string;
  certificatePem: string;
  privateKeyPem: string | undefined;
}

/** The certificate request is of a kind or strength that the registry does not take. */
export class CsrRefused extends Error {
  override name = 'CsrRefused';
}

/** Where boards of the line API get their identity. All but `createCertificate` may be repeated. */
export interface LineRegistry {
  ensureThing(deviceId: string, attributes: Readonly<Record<string, string>>): Promise<void>;
  /**
   * Inactive. With a request the key stays on the board; without one, an RSA-2048 pair is made.
   * A repetition makes another certificate; the lost one opens nothing.
   * @throws CsrRefused
   */
  createCertificate(csrPem: string | undefined): Promise<LineCertificate>;
  /** The board's policy, and the thing for this certificate alone. */
  attach(deviceId: string, certificateArn: string): Promise<void>;
  activate(certificateId: string): Promise<void>;
  /** For good; one that is not there is revoked enough. */
  revoke(certificateId: string): Promise<void>;
}
