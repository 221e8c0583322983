import { createHash, timingSafeEqual } from 'node:crypto';

/** Top-level fields of a call or a notification; numbers may be RawNumbers (`lossless-json.ts`). */
export type Parameters = Readonly<Record<string, unknown>>;

/**
 * EIOTCLUB open platform, "sign": every parameter but `sign` that is not null, "" or [] as `name=value`, sorted by the
 * bytes of the names, joined with &, `secret=…` last; upper-case hex SHA-1 of the UTF-8. Objects and arrays are compact
 * JSON in the order they came. API calls include `appkey`, notifications do not.
 */
export function sign(parameters: Parameters, secret: string): string {
  return createHash('sha1').update(signatureSource(parameters, secret), 'utf8').digest('hex').toUpperCase();
}

/** As `sign`, for what the carrier sends. */
export function signNotification(parameters: Parameters, secret: string): string {
  const { appkey: _, ...rest } = parameters;
  return sign(rest, secret);
}

/** Holds the secret: for the digest only, never for a log. */
function signatureSource(parameters: Parameters, secret: string): string {
  const pairs = Object.entries(parameters)
    .filter(([name, value]) => name !== 'sign' && !isEmpty(value))
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, value]) => `${name}=${textOf(value)}`);
  return [...pairs, `secret=${secret}`].join('&');
}

/** 0 and false are values. */
function isEmpty(value: unknown): boolean {
  return (
    value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const signatureShape = /^[0-9A-F]{40}$/i;

/** Whether a text can be a signature at all; asked before it is compared. */
export function isSignature(text: unknown): text is string {
  return typeof text === 'string' && signatureShape.test(text);
}

/** In constant time, whatever the case of the digits. */
export function sameSignature(expected: string, received: string): boolean {
  return timingSafeEqual(Buffer.from(expected, 'hex'), Buffer.from(received, 'hex'));
}
