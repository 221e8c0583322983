import { createHash, createHmac } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { SignatureV4 } from '@smithy/signature-v4';
import { signRequest, unsignedPayload } from './request-signer.ts';

const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: 'session+token/=',
  expiresAt: new Date('2026-11-20T13:00:00Z'),
};
const date = new Date('2026-11-20T12:36:00.789Z');
const region = 'us-east-1';

type Key = ConstructorParameters<typeof HmacSha256>[0];

/** In the shape that AWS's signer asks for. */
class HmacSha256 {
  readonly #hash;

  constructor(key?: string | NodeJS.ArrayBufferView) {
    this.#hash = key === undefined ? createHash('sha256') : createHmac('sha256', key);
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {}
}

/** The same request, signed by AWS's own library. */
async function signedByAws(url: URL, headers: Record<string, string>, body?: string): Promise<unknown> {
  const signer = new SignatureV4({
    service: 'kinesisvideo',
    region,
    credentials,
    sha256: class extends HmacSha256 {
      constructor(secret?: unknown) {
        super(secret as Key);
      }
    },
  });
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

it('signs a request whose body is a stream as AWS does', async () => {
  const url = new URL('https://s-0a1b2c3d.kinesisvideo.us-east-1.amazonaws.com/putMedia');
  const headers = {
    'x-amzn-stream-name': 'aovis-stream-x',
    'x-amzn-producer-start-timestamp': '1795178160.123',
    'user-agent': 'unsigned',
    connection: 'keep-alive',
    'transfer-encoding': 'chunked',
  };
  expect(signRequest({ url, headers, region, credentials, date })).toEqual(await signedByAws(url, headers));
});

it('signs a request with its body, and the port in the host', async () => {
  const url = new URL('http://127.0.0.1:4566/getDataEndpoint');
  const body = '{"StreamName":"x"}';
  const headers = { 'content-type': 'application/json' };
  const signed = signRequest({ url, headers, body, region, credentials, date });
  expect(signed).toEqual(await signedByAws(url, headers, body));
  expect(signed['host']).toBe('127.0.0.1:4566');
});
