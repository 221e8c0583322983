/** What a signature check came to. For the log and the audit; the sender is told no more than that it was not good. */
export type SignatureVerdict = 'ok' | 'missing' | 'malformed' | 'stale' | 'wrong';

/** Checks that a body comes from the partner who shares the secret, and that it was signed a moment ago. */
export interface SignatureVerifier {
  verify(request: {
    rawBody: Buffer;
    signature: string | undefined;
    secret: string;
    now: Date;
  }): SignatureVerdict;
}
