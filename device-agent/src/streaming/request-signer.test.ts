import { expect, it } from '@jest/globals';
import { SignatureV4 } from '@smithy/signature-v4';
import { signRequest, unsignedPayload } from './request-signer.ts';
import { Sha256 } from './testing/sha256.ts';

const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: 'session+token/=',
  expiresAt: new Date('2026-11-20T13:00:00Z'),
};
const date = new Date('2026-11-20T12:36:00.789Z');
const region = 'us-east-1';

/** The same request, signed by AWS's own library. */
async function signedByAws(url: URL, headers: Record<string, string>, body?: string): Promise<unknown> {
  const signer = new SignatureV4({
    service: 'kinesisvideo',
    region,
    credentials,
    sha256: Sha256,
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
