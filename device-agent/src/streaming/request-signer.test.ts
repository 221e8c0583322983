import { createHash, createHmac } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { signRequest } from './request-signer.ts';

const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: 'session+token/=',
  expiresAt: new Date('2026-11-20T13:00:00Z'),
};
const date = new Date('2026-11-20T12:36:00Z');
const region = 'us-east-1';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** AWS Signature Version 4 once more, from the steps in the IAM User Guide ("Create a signed AWS API request"). */
function authorizationOf(path: string, headers: Record<string, string>, payloadHash: string): string {
  const names = Object.keys(headers).sort();
  const canonical = [
    'POST',
    path,
    '',
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    payloadHash,
  ].join('\n');
  const scope = `20261120/${region}/kinesisvideo/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', '20261120T123600Z', scope, sha256(canonical)].join('\n');
  const key = ['20261120', region, 'kinesisvideo', 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${credentials.secretAccessKey}`,
  );
  const signature = hmac(key, toSign).toString('hex');
  return `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
}

const common = { 'x-amz-date': '20261120T123600Z', 'x-amz-security-token': credentials.sessionToken };

it('signs a request whose body is a stream', async () => {
  const url = new URL('https://s-0a1b2c3d.kinesisvideo.us-east-1.amazonaws.com/putMedia');
  const headers = {
    'x-amzn-stream-name': 'aovis-stream-x',
    'user-agent': 'unsigned',
    connection: 'keep-alive',
  };
  const signed = await signRequest({ url, headers, region, credentials, date });
  const expected = {
    ...common,
    host: url.host,
    'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
    'x-amzn-stream-name': 'aovis-stream-x',
  };
  expect(signed).toEqual({
    ...headers,
    ...expected,
    authorization: authorizationOf('/putMedia', expected, 'UNSIGNED-PAYLOAD'),
  });
});

it('signs a request with its body, and the port in the host', async () => {
  const url = new URL('http://127.0.0.1:4566/getDataEndpoint');
  const body = '{"StreamName":"x"}';
  const headers = { 'content-type': 'application/json' };
  const signed = await signRequest({ url, headers, body, region, credentials, date });
  const expected = { ...common, ...headers, host: '127.0.0.1:4566', 'x-amz-content-sha256': sha256(body) };
  expect(signed).toMatchObject({
    authorization: authorizationOf('/getDataEndpoint', expected, sha256(body)),
  });
});
