import { createHash, timingSafeEqual } from 'node:crypto';

/** Number texts survive: ECMAScript's JSON.parse source text access, which the type library does not have yet. */
const lossless = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): object;
};

/**
 * The signature of a JSON message in EIOTCLUB's scheme (open platform, "sign algorithm"): parameters by name in byte
 * order as `k=v&…&secret=`, without `sign` and what is null, "" or []; SHA-1 in upper-case hexadecimal.
 * API calls include `appkey`, notifications do not.
 */
export function signText(json: string, secret: string): string {
  const message = lossless.parse(json, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined ? lossless.rawJSON(source) : value,
  );
  const pairs = Object.entries(message as Record<string, unknown>)
    .filter(([name, value]) => name !== 'sign' && !isEmpty(value))
    .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, value]) => `${name}=${valueText(value)}`);
  const source = [...pairs, `secret=${secret}`].join('&');
  return createHash('sha1').update(source, 'utf8').digest('hex').toUpperCase();
}

/** The message with its `sign`. */
export function signMessage(message: Readonly<Record<string, unknown>>, secret: string): string {
  return JSON.stringify({ ...message, sign: signText(JSON.stringify(message), secret) });
}

export function isSigned(json: string, sign: unknown, secret: string): boolean {
  if (typeof sign !== 'string' || !/^[0-9A-F]{40}$/.test(sign)) return false;
  return timingSafeEqual(Buffer.from(sign), Buffer.from(signText(json, secret)));
}

function isEmpty(value: unknown): boolean {
  return value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
