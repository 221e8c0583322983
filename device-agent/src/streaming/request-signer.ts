import { createHash, createHmac } from 'node:crypto';
import type { TemporaryCredentials } from '../credentials/credential-source.ts';

export const algorithm = 'AWS4-HMAC-SHA256';
const service = 'kinesisvideo';
/** Put in the place of the body's hash where the body is not signed (SigV4, "UNSIGNED-PAYLOAD"). */
export const unsignedPayload = 'UNSIGNED-PAYLOAD';
/** Headers that a proxy on the way may change. */
const unsignedHeaders: ReadonlySet<string> = new Set(['connection', 'transfer-encoding', 'user-agent']);

export interface RequestToSign {
  /** Without a query, and with no character in its path that would have to be encoded. */
  url: URL;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** Absent: the body is a stream and is not signed. */
  body?: string;
  region: string;
  credentials: TemporaryCredentials;
  date: Date;
}

/**
 * Headers of a POST to Kinesis Video Streams, signed by AWS Signature Version 4 in the Authorization header (IAM User
 * Guide, "Create a signed AWS API request"). They are the given ones and host, x-amz-date, x-amz-security-token,
 * x-amz-content-sha256, authorization. Written out here because a library for it costs a board 3 MiB of memory.
 */
export function signRequest(request: RequestToSign): Record<string, string> {
  const { url, body, region, credentials } = request;
  const timestamp = signingTimestamp(request.date);
  const payloadHash = body === undefined ? unsignedPayload : sha256(body);
  const headers: Record<string, string> = {
    ...request.headers,
    host: url.host,
    'x-amz-content-sha256': payloadHash,
    'x-amz-date': timestamp,
    'x-amz-security-token': credentials.sessionToken,
  };
  const names = Object.keys(headers)
    .filter((name) => !unsignedHeaders.has(name))
    .sort();
  const signedHeaders = names.join(';');
  const canonicalHeaders = names
    .map((name) => `${name}:${headers[name]?.trim().replace(/\s+/g, ' ')}\n`)
    .join('');
  const canonicalRequest = ['POST', url.pathname, '', canonicalHeaders, signedHeaders, payloadHash].join(
    '\n',
  );

  const { credential, signature } = signCanonicalRequest({
    canonicalRequest,
    timestamp,
    region,
    credentials,
  });
  return {
    ...headers,
    authorization: `${algorithm} Credential=${credential}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
  };
}

/** `20261121T120000Z` */
export function signingTimestamp(date: Date): string {
  return date.toISOString().replace(/[-:]|\.\d{3}/g, '');
}

/** What the credential of a signature consists of besides the access key. */
export function signingScope(timestamp: string, region: string): string[] {
  return [timestamp.slice(0, 8), region, service, 'aws4_request'];
}

/** Signs a canonical request (IAM User Guide, "Create a signed AWS API request", steps 2 to 4). */
export function signCanonicalRequest(request: {
  canonicalRequest: string;
  timestamp: string;
  region: string;
  credentials: TemporaryCredentials;
}): { credential: string; signature: string } {
  const { canonicalRequest, timestamp, region, credentials } = request;
  const scope = signingScope(timestamp, region);
  const stringToSign = [algorithm, timestamp, scope.join('/'), sha256(canonicalRequest)].join('\n');
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${credentials.secretAccessKey}`);
  return {
    credential: `${credentials.accessKeyId}/${scope.join('/')}`,
    signature: hmac(key, stringToSign).toString('hex'),
  };
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
