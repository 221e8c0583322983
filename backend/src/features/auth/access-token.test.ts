import { createHmac, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { AccessTokens } from './access-token.ts';

const secret = 'signs-the-access-tokens-of-this-test-01';
const issuer = 'https://api.example';
const userId = '3f0c6f0e-5a0c-4b53-9d9f-0b6f7f3d9a11';
const sessionId = '7b1f5c86-8a25-4c55-8f6e-2c6d2a4c9e42';
const clock = new FakeClock();
const tokens = new AccessTokens({ secret, issuer, ttlSeconds: 900, clock });
const nowSeconds = Math.floor(clock.now().getTime() / 1_000);

const goodHeader = { alg: 'HS256', typ: 'at+jwt' };
const goodClaims = {
  iss: issuer,
  aud: 'aovis-app',
  sub: userId,
  sid: sessionId,
  jti: 'j',
  iat: nowSeconds,
  exp: nowSeconds + 900,
};

/** A token with any header, any claims and any key. */
function forge(header: object, claims: object, key: string | undefined): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const content = `${encode(header)}.${encode(claims)}`;
  return `${content}.${key === undefined ? '' : createHmac('sha256', key).update(content).digest('base64url')}`;
}

describe('AccessTokens', () => {
  it('reads what it signed, until it expires', () => {
    const token = tokens.sign({ userId, sessionId });
    expect(tokens.read(token)).toEqual({ userId, sessionId });
    const decoded = jwt.decode(token, { complete: true });
    expect(decoded?.header).toEqual(goodHeader);
    expect(decoded?.payload).toMatchObject({ ...goodClaims, jti: expect.stringMatching(/^[0-9a-f-]{36}$/) });

    const later = new FakeClock();
    const readers = new AccessTokens({ secret, issuer, ttlSeconds: 900, clock: later });
    later.advance(899_000);
    expect(readers.read(token)).toBeDefined();
    later.advance(1_000);
    expect(readers.read(token)).toBeUndefined();
  });

  it('takes the forged token that is right in everything (so the refusals below mean something)', () => {
    expect(tokens.read(forge(goodHeader, goodClaims, secret))).toEqual({ userId, sessionId });
  });

  const without = (name: keyof typeof goodClaims): object =>
    Object.fromEntries(Object.entries(goodClaims).filter(([key]) => key !== name));
  it.each([
    ['no signature and alg none', forge({ ...goodHeader, alg: 'none' }, goodClaims, undefined)],
    ['a signature and alg none', forge({ ...goodHeader, alg: 'none' }, goodClaims, secret)],
    ['another algorithm', forge({ ...goodHeader, alg: 'HS512' }, goodClaims, secret)],
    ['another key', forge(goodHeader, goodClaims, 'another-key-another-key-another-key-000')],
    ['a key of its own', forge({ ...goodHeader, jwk: { kty: 'oct', k: 'AA' } }, goodClaims, 'AA')],
    ['another type', forge({ ...goodHeader, typ: 'JWT' }, goodClaims, secret)],
    ['no type', forge({ alg: 'HS256' }, goodClaims, secret)],
    ['another issuer', forge(goodHeader, { ...goodClaims, iss: 'https://evil.example' }, secret)],
    ['another audience', forge(goodHeader, { ...goodClaims, aud: 'aovis-board' }, secret)],
    ['no audience', forge(goodHeader, without('aud'), secret)],
    ['no expiry', forge(goodHeader, without('exp'), secret)],
    ['no session', forge(goodHeader, without('sid'), secret)],
    ['no user', forge(goodHeader, without('sub'), secret)],
    [
      'a time before which it is not valid',
      forge(goodHeader, { ...goodClaims, nbf: nowSeconds + 60 }, secret),
    ],
    ['a session that is no id', forge(goodHeader, { ...goodClaims, sid: "' OR 1=1" }, secret)],
    ['a text for claims', jwt.sign('text', secret, { header: goodHeader as jwt.JwtHeader })],
    ['nothing', ''],
    ['noise', 'a.b.c'],
  ])('refuses %s', (_what, token) => {
    expect(tokens.read(token)).toBeUndefined();
  });

  it('refuses a token signed with a private key', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const token = jwt.sign(goodClaims, privateKey, {
      header: { alg: 'RS256', typ: 'at+jwt' },
      algorithm: 'RS256',
    });
    expect(tokens.read(token)).toBeUndefined();
  });
});
