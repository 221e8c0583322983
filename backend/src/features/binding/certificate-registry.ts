export interface RegisteredCertificate {
  pem: string;
  /** False for one that was revoked or switched off: nothing it signs counts. */
  active: boolean;
}

/** The account's register of device certificates, where revocations are. */
export interface CertificateRegistry {
  /**
   * @param certificateId lower-case hex SHA-256 of the certificate's DER
   * @throws AppError service_unavailable
   */
  find(certificateId: string): Promise<RegisteredCertificate | undefined>;
}
