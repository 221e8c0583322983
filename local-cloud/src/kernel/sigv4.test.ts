import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { AwsError } from './aws-error.ts';
import { Clock } from './clock.ts';
import { AccessKeys } from './principal.ts';
import { type SignedRequest, verifySigV4 } from './sigv4.ts';

/** The key of AWS's Signature Version 4 test suite. */
const key = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
};
const principal = { kind: 'account', accessKeyId: key.accessKeyId } as const;
const suiteTime = '20150830T123600Z';

class StoppedClock extends Clock {
  readonly #ms: number;
  constructor(iso: string) {
    super();
    this.#ms = Date.parse(iso);
  }
  override now(): number {
    return this.#ms;
  }
}
const atSuiteTime = new StoppedClock('2015-08-30T12:36:00Z');

function keys(more: { sessionToken?: string; expiresAt?: number } = {}): AccessKeys {
  const accessKeys = new AccessKeys();
  accessKeys.add({ ...key, ...more, principal });
  return accessKeys;
}

function verdict(
  request: SignedRequest,
  { accessKeys = keys(), clock = atSuiteTime as Clock, services = ['service'] } = {},
): string {
  try {
    expect(verifySigV4(request, accessKeys, clock, services)).toEqual(principal);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    expect(error.status).toBe(403);
    return error.code;
  }
}

/** Vectors of the suite: request, and the signature it publishes. */
function vector(
  method: string,
  url: string,
  headers: Record<string, string>,
  body: string,
  signature: string,
): SignedRequest {
  const all = { host: 'example.amazonaws.com', 'x-amz-date': suiteTime, ...headers };
  return {
    method,
    url,
    headers: {
      ...all,
      authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${Object.keys(all).sort().join(';')}, Signature=${signature}`,
    },
    body: Buffer.from(body),
  };
}

describe('the published Signature Version 4 test suite', () => {
  const vanilla = vector(
    'GET',
    '/',
    {},
    '',
    '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  );
  it.each([
    ['get-vanilla', vanilla],
    [
      'get-vanilla-query-order-key-case',
      vector(
        'GET',
        '/?Param2=value2&Param1=value1',
        {},
        '',
        'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
      ),
    ],
    [
      'post-x-www-form-urlencoded',
      vector(
        'POST',
        '/',
        { 'content-type': 'application/x-www-form-urlencoded' },
        'Param1=value1',
        'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
      ),
    ],
  ])('%s', (_name, request) => expect(verdict(request)).toBe('accepted'));

  it('refuses the same with one thing changed', () => {
    expect(verdict({ ...vanilla, method: 'POST' })).toBe('InvalidSignatureException');
    expect(verdict({ ...vanilla, url: '/x' })).toBe('InvalidSignatureException');
    expect(verdict({ ...vanilla, url: '/?a=b' })).toBe('InvalidSignatureException');
    expect(verdict({ ...vanilla, body: Buffer.from('x') })).toBe('InvalidSignatureException');
    const host = { ...vanilla.headers, host: 'example.org' };
    expect(verdict({ ...vanilla, headers: host })).toBe('InvalidSignatureException');
    expect(verdict(vanilla, { services: ['iot'] })).toBe('InvalidSignatureException');
    expect(verdict(vanilla, { accessKeys: new AccessKeys() })).toBe('UnrecognizedClientException');
    expect(verdict(vanilla, { accessKeys: keys({ sessionToken: 't' }) })).toBe('UnrecognizedClientException');
    expect(verdict({ ...vanilla, headers: { host: 'example.amazonaws.com' } })).toBe(
      'MissingAuthenticationTokenException',
    );
    expect(verdict({ ...vanilla, headers: { authorization: 'AWS4-HMAC-SHA256 x' } })).toBe(
      'IncompleteSignatureException',
    );
  });

  it('takes a date 15 minutes off and no more, and refuses a key past its end', () => {
    expect(verdict(vanilla, { clock: new StoppedClock('2015-08-30T12:50:59Z') })).toBe('accepted');
    expect(verdict(vanilla, { clock: new StoppedClock('2015-08-30T12:51:01Z') })).toBe(
      'InvalidSignatureException',
    );
    expect(verdict(vanilla, { clock: new StoppedClock('2015-08-30T12:20:59Z') })).toBe(
      'InvalidSignatureException',
    );
    expect(verdict(vanilla, { accessKeys: keys({ expiresAt: atSuiteTime.now() }) })).toBe(
      'ExpiredTokenException',
    );
  });
});

/** A second implementation, in the words of the signing guide, for what the suite has no vector of. */
function signedByHand(options: {
  headers: Record<string, string>;
  signed: string[];
  payloadHash: string;
  canonicalQuery?: string;
}): string {
  const canonical = [
    'POST',
    '/putMedia',
    options.canonicalQuery ?? '',
    ...options.signed.map((name) => `${name}:${options.headers[name]}`),
    '',
    options.signed.join(';'),
    options.payloadHash,
  ].join('\n');
  const hmac = (secret: string | Buffer, text: string): Buffer =>
    createHmac('sha256', secret).update(text).digest();
  const scope = '20150830/us-east-1/kinesisvideo/aws4_request';
  const text = `AWS4-HMAC-SHA256\n${suiteTime}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`;
  const signing = ['us-east-1', 'kinesisvideo', 'aws4_request'].reduce<Buffer>(
    (secret, part) => hmac(secret, part),
    hmac(`AWS4${key.secretAccessKey}`, '20150830'),
  );
  return hmac(signing, text).toString('hex');
}

describe('a streaming body', () => {
  const services = ['kinesisvideo'];
  const base = { host: 'localhost:9000', 'x-amz-date': suiteTime, 'x-amzn-stream-name': 's' };
  const emptyHash = createHash('sha256').update('').digest('hex');
  const request = (headers: Record<string, string>, payloadHash: string): SignedRequest => {
    const signed = Object.keys(headers).sort();
    const signature = signedByHand({ headers, signed, payloadHash });
    return {
      method: 'POST',
      url: '/putMedia',
      body: undefined,
      headers: {
        ...headers,
        authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/kinesisvideo/aws4_request, SignedHeaders=${signed.join(';')}, Signature=${signature}`,
      },
    };
  };

  it("may be signed as an empty one without a header for it, as AWS's C producer does", () => {
    expect(verdict(request(base, emptyHash), { services })).toBe('accepted');
    expect(verdict(request(base, 'UNSIGNED-PAYLOAD'), { services })).toBe('InvalidSignatureException');
  });

  it("may be declared unsigned, as AWS's Java producer does", () => {
    const headers = { ...base, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };
    expect(verdict(request(headers, 'UNSIGNED-PAYLOAD'), { services })).toBe('accepted');
    expect(verdict(request(headers, emptyHash), { services })).toBe('InvalidSignatureException');
  });
});

describe('a presigned URL', () => {
  const services = ['kinesisvideo'];
  const query = (expires: number): string =>
    [
      'X-Amz-Algorithm=AWS4-HMAC-SHA256',
      'X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fkinesisvideo%2Faws4_request',
      `X-Amz-Date=${suiteTime}`,
      `X-Amz-Expires=${expires}`,
      'X-Amz-Security-Token=a%2Bb%2F%3D',
      'X-Amz-SignedHeaders=host',
    ].join('&');
  const presigned = (expires: number): SignedRequest => {
    const signature = signedByHand({
      headers: { host: 'h' },
      signed: ['host'],
      payloadHash: createHash('sha256').update('').digest('hex'),
      canonicalQuery: query(expires),
    });
    return {
      method: 'POST',
      url: `/putMedia?${query(expires)}&X-Amz-Signature=${signature}`,
      headers: { host: 'h' },
      body: Buffer.alloc(0),
    };
  };

  it('holds as long as it says, with its session token in the query', () => {
    const accessKeys = keys({ sessionToken: 'a+b/=' });
    expect(verdict(presigned(299), { services, accessKeys })).toBe('accepted');
    const later = new StoppedClock('2015-08-30T12:41:00Z');
    expect(verdict(presigned(299), { services, accessKeys, clock: later })).toBe('InvalidSignatureException');
    expect(verdict(presigned(900), { services, accessKeys, clock: later })).toBe('accepted');
    expect(verdict(presigned(299), { services })).toBe('UnrecognizedClientException');
  });

  /** SigV4RequestSigner.spec.ts of awslabs/amazon-kinesis-video-streams-webrtc-sdk-js. */
  it.each([
    ['fc268038be276315822b4f73eafd28ee3a5632a2a35fdb0a88db9a42b13d6c92', 'FakeSessionToken'],
    ['be1e78950d956a8a9a1997417099ddbd7455619f3d08c4ad20e1e272179ca695', undefined],
  ])("is what AWS's WebRTC client for browsers makes: %s", (signature, sessionToken) => {
    const accessKeys = new AccessKeys();
    const accessKeyId = 'AKIA4F7WJQR7FMMWMNXI';
    const more = sessionToken === undefined ? {} : { sessionToken };
    accessKeys.add({ accessKeyId, secretAccessKey: 'FakeSecretKey', ...more, principal });
    const token = sessionToken === undefined ? '' : `&X-Amz-Security-Token=${sessionToken}`;
    const url = `/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${accessKeyId}%2F20191201%2Fus-west-2%2Fkinesisvideo%2Faws4_request&X-Amz-Date=20191201T000000Z&X-Amz-Expires=299${token}&X-Amz-Signature=${signature}&X-Amz-SignedHeaders=host&X-Amz-TestParam=test-param-value`;
    const request = { method: 'GET', url, headers: { host: 'kvs.awsamazon.com' }, body: undefined };
    const clock = new StoppedClock('2019-12-01T00:04:59Z');
    const options = { accessKeys, clock, services: ['kinesisvideo'] };
    expect(verdict(request, options)).toBe('accepted');
    expect(verdict({ ...request, url: url.replace('test-param-value', 'x') }, options)).toBe(
      'InvalidSignatureException',
    );
  });
});
