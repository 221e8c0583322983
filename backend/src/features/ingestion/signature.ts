import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far the signer's clock may be from ours, in both directions. */
const windowSeconds = 300;

export interface SignedRequest {
  /** `X-Aovis-Timestamp`: unix seconds. */
  timestamp: string | undefined;
  /** `X-Aovis-Signature`: hex. */
  signature: string | undefined;
  rawBody: Buffer;
}

export type SignatureVerdict = 'ok' | 'missing' | 'malformed' | 'stale' | 'wrong';

/** Hex HMAC-SHA256 of `<timestamp>.<raw body>`. */
export function signatureOf(timestamp: string, rawBody: Buffer, key: string): string {
  return createHmac('sha256', key).update(`${timestamp}.`, 'utf8').update(rawBody).digest('hex');
}

/** The verdict is for the audit log; the caller is told no more than that the signature was not good. */
export function checkSignature(request: SignedRequest, keys: readonly string[], now: Date): SignatureVerdict {
  const { timestamp, signature, rawBody } = request;
  if (timestamp === undefined || signature === undefined) return 'missing';
  // Shape first: timingSafeEqual throws on buffers of different length.
  if (!/^\d{1,12}$/.test(timestamp) || !/^[0-9a-f]{64}$/i.test(signature)) return 'malformed';
  if (Math.abs(now.getTime() / 1000 - Number(timestamp)) > windowSeconds) return 'stale';
  const given = Buffer.from(signature, 'hex');
  const isGood = keys.some((key) =>
    timingSafeEqual(Buffer.from(signatureOf(timestamp, rawBody, key), 'hex'), given),
  );
  return isGood ? 'ok' : 'wrong';
}
