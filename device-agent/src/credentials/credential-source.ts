/** Temporary AWS credentials of the board, as the AWS IoT credential provider issues them. */
export interface TemporaryCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiresAt: Date;
}

/** Where signed requests get their credentials. `get` answers valid ones, from a cache while they last. */
export interface CredentialSource {
  get(): Promise<TemporaryCredentials>;
  /** A service did not accept them, whatever their expiry says: the next `get` asks for new ones. */
  forget(): void;
}
