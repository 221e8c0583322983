import Stripe from 'stripe';
import type { SignatureVerdict, SignatureVerifier } from '../features/webhooks/webhook-ports.ts';

/** How far Stripe's clock may be from ours, in both directions; Stripe's own libraries use the same figure. */
const toleranceSeconds = 300;

/** Signatures of Stripe's webhooks (docs.stripe.com/webhooks/signature), checked by Stripe's library. */
export class StripeSignatures implements SignatureVerifier {
  verify({
    rawBody,
    signature,
    secret,
    now,
  }: {
    rawBody: Buffer;
    signature: string | undefined;
    secret: string;
    now: Date;
  }): SignatureVerdict {
    if (signature === undefined || signature === '') return 'missing';
    const [timestamp, ...others] = [...signature.matchAll(/(?:^|,)\s*t=([^,]*)/g)].map((match) => match[1]);
    if (timestamp === undefined || others.length > 0 || !/^\d{1,12}$/.test(timestamp)) return 'malformed';
    // The library throws other errors than its own on signatures that are empty or no ASCII.
    if (/(?:^|,)\s*v1=(?![0-9a-f]{64}(?:,|$))/.test(signature)) return 'malformed';
    // Both ways: the library takes signatures of any future.
    if (Math.abs(now.getTime() / 1_000 - Number(timestamp)) > toleranceSeconds) return 'stale';
    return isSigned(rawBody, signature, secret, now) ? 'ok' : 'wrong';
  }
}

function isSigned(rawBody: Buffer, signature: string, secret: string, now: Date): boolean {
  try {
    const { signature: signatures } = Stripe.webhooks;
    return (
      signatures?.verifyHeader(rawBody, signature, secret, toleranceSeconds, undefined, now.getTime()) ===
      true
    );
  } catch (error) {
    if (error instanceof Stripe.errors.StripeSignatureVerificationError) return false;
    throw error;
  }
}
