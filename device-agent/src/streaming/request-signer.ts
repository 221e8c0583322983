import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { TemporaryCredentials } from '../credentials/credential-source.ts';

/** SHA-256, or HMAC-SHA-256 with a secret, in the shape that the signer asks for. */
class Sha256 {
  readonly #secret: Uint8Array | undefined;
  #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret === undefined ? undefined : bytesOf(secret);
    this.#hash = this.#create();
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    this.#hash = this.#create();
  }

  #create(): ReturnType<typeof createHash> | ReturnType<typeof createHmac> {
    return this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret);
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data, 'utf8');
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** Put in the place of the body's hash where the body is not signed (SigV4, "UNSIGNED-PAYLOAD"). */
export const unsignedPayload = 'UNSIGNED-PAYLOAD';

export interface RequestToSign {
  url: URL;
  headers: Readonly<Record<string, string>>;
  /** Absent: the body is a stream and is not signed. */
  body?: string;
  region: string;
  credentials: TemporaryCredentials;
  date: Date;
}

/**
 * Headers of a POST to Kinesis Video Streams, signed by AWS Signature Version 4 in the Authorization header. They are
 * the given ones and host, x-amz-date, x-amz-security-token, x-amz-content-sha256, authorization.
 */
export async function signRequest(request: RequestToSign): Promise<Record<string, string>> {
  const { url, headers, body, region, credentials, date } = request;
  const signer = new SignatureV4({ service: 'kinesisvideo', region, credentials, sha256: Sha256 });
  const signed = await signer.sign(
    {
      method: 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: {},
      headers: {
        ...headers,
        host: url.host,
        ...(body === undefined ? { 'x-amz-content-sha256': unsignedPayload } : {}),
      },
      body,
    },
    { signingDate: date },
  );
  return signed.headers;
}
