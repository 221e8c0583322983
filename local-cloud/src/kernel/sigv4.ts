import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AwsError } from './aws-error.ts';
import type { Clock } from './clock.ts';
import type { AccessKey, AccessKeys, Principal } from './principal.ts';

/**
 * Verification of AWS Signature Version 4 (AWS General Reference, "Signature Version 4 signing process"), header and
 * query form. SignedHeaders and Host are taken literally from the request, because clients differ in what they sign:
 * AWS's C producer signs neither token nor content type, the JavaScript SDK signs both.
 */
export interface SignedRequest {
  method: string;
  /** Path and query as they came over the wire. */
  url: string;
  headers: IncomingHttpHeaders;
  /** The whole body; undefined for a body that streams (its hash is then the one the client declared). */
  body: Buffer | undefined;
}

const emptyHash = createHash('sha256').update('').digest('hex');
/** AWS refuses a request whose date is further than this from its own clock. */
const allowedSkewMs = 15 * 60_000;

const refuse = (code: string, message: string): AwsError => new AwsError(code, 403, message);

interface Claims {
  accessKeyId: string;
  date: string;
  scope: string;
  signedHeaders: string[];
  signature: string;
  amzDate: string;
  token: string | undefined;
  expiresSeconds: number | undefined;
}

/** Returns who signed, or throws the AwsError that AWS answers with. `signingNames` are the accepted service names. */
export function verifySigV4(
  request: SignedRequest,
  keys: AccessKeys,
  clock: Clock,
  signingNames: readonly string[],
): Principal {
  const [path, queryText] = splitUrl(request.url);
  const query = parseQuery(queryText);
  const claims = readClaims(request.headers, query);
  const [, region, service, terminator] = claims.scope.split('/');
  if (
    terminator !== 'aws4_request' ||
    region === undefined ||
    service === undefined ||
    !signingNames.includes(service)
  ) {
    throw refuse(
      'InvalidSignatureException',
      `Credential should be scoped to correct service: '${signingNames[0]}'.`,
    );
  }
  const key = keys.find(claims.accessKeyId);
  if (key === undefined)
    throw refuse('UnrecognizedClientException', 'The security token included in the request is invalid.');
  checkTimes(claims, key, clock);
  if ((key.sessionToken ?? '') !== (claims.token ?? '')) {
    throw refuse('UnrecognizedClientException', 'The security token included in the request is invalid.');
  }

  const payloadHash = payloadHashOf(request);
  const canonicalQuery = query
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(byNameThenValue)
    .map((pair) => pair.join('='))
    .join('&');
  const canonicalHeaders = claims.signedHeaders
    .map((name) => `${name}:${headerValue(request.headers, name)}\n`)
    .join('');
  const canonicalRequest = (canonicalPath: string): string =>
    [
      request.method,
      canonicalPath,
      canonicalQuery,
      canonicalHeaders,
      claims.signedHeaders.join(';'),
      payloadHash,
    ].join('\n');

  const signingKey = [claims.date, region, service, 'aws4_request'].reduce<Buffer>(
    (previous, part) => createHmac('sha256', previous).update(part).digest(),
    Buffer.from(`AWS4${key.secretAccessKey}`),
  );
  const given = Buffer.from(claims.signature, 'hex');
  // Services encode the path once more than the wire shows it; a few clients sign it as it is. Accept either.
  const matches = [doubleEncodedPath(path), path].some((canonicalPath) => {
    const hash = createHash('sha256').update(canonicalRequest(canonicalPath)).digest('hex');
    const expected = createHmac('sha256', signingKey)
      .update(['AWS4-HMAC-SHA256', claims.amzDate, claims.scope, hash].join('\n'))
      .digest();
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!matches) {
    throw refuse(
      'InvalidSignatureException',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
    );
  }
  return key.principal;
}

function readClaims(headers: IncomingHttpHeaders, query: [string, string][]): Claims {
  const authorization = headers.authorization;
  if (authorization !== undefined) {
    const match =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})$/.exec(
        authorization,
      );
    const [, accessKeyId, scope, signedHeaders, signature] = match ?? [];
    const amzDate = headerValue(headers, 'x-amz-date');
    if (
      accessKeyId === undefined ||
      scope === undefined ||
      signedHeaders === undefined ||
      signature === undefined ||
      amzDate === ''
    ) {
      throw refuse(
        'IncompleteSignatureException',
        'Authorization header requires Credential, SignedHeaders and Signature, and x-amz-date.',
      );
    }
    const token = headerValue(headers, 'x-amz-security-token') || undefined;
    const date = scope.split('/')[0] ?? '';
    return {
      accessKeyId,
      scope,
      date,
      signedHeaders: signedHeaders.split(';'),
      signature,
      amzDate,
      token,
      expiresSeconds: undefined,
    };
  }
  const get = (name: string): string | undefined => query.find(([key]) => key === name)?.[1];
  const credential = get('X-Amz-Credential');
  const [signature, amzDate] = [get('X-Amz-Signature'), get('X-Amz-Date')];
  if (credential === undefined || signature === undefined || amzDate === undefined) {
    throw refuse('MissingAuthenticationTokenException', 'Missing Authentication Token');
  }
  const slash = credential.indexOf('/');
  const scope = credential.slice(slash + 1);
  return {
    accessKeyId: credential.slice(0, slash),
    scope,
    date: scope.split('/')[0] ?? '',
    signedHeaders: (get('X-Amz-SignedHeaders') ?? 'host').split(';'),
    signature,
    amzDate,
    token: get('X-Amz-Security-Token'),
    expiresSeconds: Number(get('X-Amz-Expires') ?? '300'),
  };
}

function checkTimes(claims: Claims, key: AccessKey, clock: Clock): void {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(claims.amzDate);
  const signedAt =
    match === null
      ? Number.NaN
      : Date.parse(claims.amzDate.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  const now = clock.now();
  const latest = claims.expiresSeconds === undefined ? allowedSkewMs : claims.expiresSeconds * 1000;
  if (Number.isNaN(signedAt) || now - signedAt > latest || signedAt - now > allowedSkewMs) {
    throw refuse(
      'InvalidSignatureException',
      `Signature expired or not yet current: ${claims.amzDate} against ${new Date(now).toISOString()}`,
    );
  }
  if (key.expiresAt !== undefined && key.expiresAt <= now) {
    throw refuse('ExpiredTokenException', 'The security token included in the request is expired');
  }
}

/** The hash in the canonical request: what the client declares, else that of the body; of nothing when it streams. */
function payloadHashOf(request: SignedRequest): string {
  const declared = headerValue(request.headers, 'x-amz-content-sha256');
  if (request.body === undefined) return declared || emptyHash;
  if (declared === 'UNSIGNED-PAYLOAD') return declared;
  return createHash('sha256').update(request.body).digest('hex');
}

function headerValue(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value.join(',') : (value ?? '')).trim().replace(/ +/g, ' ');
}

function splitUrl(url: string): [string, string] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
}

function parseQuery(text: string): [string, string][] {
  if (text === '') return [];
  return text.split('&').map((pair) => {
    const mark = pair.indexOf('=');
    const name = mark < 0 ? pair : pair.slice(0, mark);
    return [decoded(name), mark < 0 ? '' : decoded(pair.slice(mark + 1))];
  });
}

/** What cannot be decoded stays as it is; no signature will fit it. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function byNameThenValue(a: readonly [string, string], b: readonly [string, string]): number {
  return compare(a[0], b[0]) || compare(a[1], b[1]);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** RFC 3986 encoding: everything but unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function doubleEncodedPath(path: string): string {
  return path
    .split('/')
    .map((segment) => encode(segment))
    .join('/');
}
