import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { JoseIdTokenVerifier } from './id-token-verifier.ts';

const clock = new FakeClock();
const now = Math.floor(clock.now().getTime() / 1_000);
const good = {
  iss: 'https://accounts.google.com',
  aud: 'client-1',
  sub: 'g-1',
  iat: now,
  exp: now + 3_600,
  email: 'Ada@Example.com',
  email_verified: true,
};

describe('JoseIdTokenVerifier', () => {
  let issuer: Server;
  let key: CryptoKey;
  let otherKey: CryptoKey;
  let verifier: JoseIdTokenVerifier;
  let jwksRequests = 0;

  beforeAll(async () => {
    const pair = await generateKeyPair('RS256', { extractable: true });
    key = pair.privateKey;
    otherKey = (await generateKeyPair('RS256')).privateKey;
    const jwks = JSON.stringify({
      keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }],
    });
    issuer = createServer((_request, response) => {
      jwksRequests++;
      response.setHeader('Content-Type', 'application/json').end(jwks);
    }).listen(0, '127.0.0.1');
    await once(issuer, 'listening');
    const url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
    verifier = new JoseIdTokenVerifier(
      {
        google: {
          issuers: ['accounts.google.com', good.iss],
          jwksUrl: url,
          audiences: ['client-1', 'client-2'],
        },
        apple: {
          issuers: ['https://appleid.apple.com'],
          jwksUrl: 'http://127.0.0.1:1/keys',
          audiences: ['app'],
        },
      },
      clock,
    );
  });
  afterAll(async () => {
    issuer.close();
    issuer.closeAllConnections();
    await once(issuer, 'close');
  });

  const sign = (claims: object, header: object = {}, signer = key): Promise<string> =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg: 'RS256', kid: 'k1', ...header }).sign(signer);

  it('tells who it is', async () => {
    expect(await verifier.verify('google', await sign({ ...good, name: 'Ada' }), undefined)).toEqual({
      provider: 'google',
      subject: 'g-1',
      email: 'ada@example.com',
      emailVerified: true,
      name: 'Ada',
    });
  });

  it.each([
    ['true', true],
    ['false', false],
    [undefined, false],
    ['maybe', false],
  ])('reads email_verified %p as %p', async (written, verified) => {
    const token = await sign({ ...good, email_verified: written });
    expect(await verifier.verify('google', token, undefined)).toMatchObject({ emailVerified: verified });
  });

  it('never takes an absent address as verified', async () => {
    const token = await sign({ ...good, email: undefined });
    expect(await verifier.verify('google', token, undefined)).toMatchObject({
      emailVerified: false,
      email: undefined,
    });
  });

  it('wants exactly the nonce that is in the token', async () => {
    const token = await sign({ ...good, nonce: 'n1' });
    expect(await verifier.verify('google', token, 'n1')).toMatchObject({ subject: 'g-1' });
    await expect(verifier.verify('google', token, 'n2')).rejects.toMatchObject({ code: 'invalid_token' });
    await expect(verifier.verify('google', token, undefined)).rejects.toMatchObject({
      code: 'invalid_token',
    });
    await expect(verifier.verify('google', await sign(good), 'n1')).rejects.toMatchObject({
      code: 'invalid_token',
    });
  });

  const refused: [string, () => Promise<string>][] = [
    ['another audience', () => sign({ ...good, aud: 'client-9' })],
    ['another issuer', () => sign({ ...good, iss: 'https://appleid.apple.com' })],
    ['an expired one', () => sign({ ...good, iat: now - 7_200, exp: now - 3_600 })],
    ['one without expiry', () => sign({ ...good, exp: undefined })],
    ['one without subject', () => sign({ ...good, sub: undefined })],
    ['an empty subject', () => sign({ ...good, sub: '' })],
    ['another key under the same id', () => sign(good, {}, otherKey)],
    ['an unknown key id', () => sign(good, { kid: 'k9' }, otherKey)],
    ['no algorithm', async () => new UnsecuredJWT(good).encode()],
    [
      'a shared-secret algorithm',
      () =>
        new SignJWT({ ...good })
          .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
          .sign(Buffer.from('x'.repeat(32))),
    ],
    ['noise', async () => 'a.b.c'],
  ];
  it.each(refused)('refuses %s', async (_what, token) => {
    await expect(verifier.verify('google', await token(), undefined)).rejects.toMatchObject({
      code: 'invalid_token',
    });
  });

  it('does not ask for the keys again for every unknown key id', async () => {
    const before = jwksRequests;
    for (let i = 0; i < 5; i++) {
      const token = await sign(good, { kid: `unknown-${i}` }, otherKey);
      await expect(verifier.verify('google', token, undefined)).rejects.toMatchObject({
        code: 'invalid_token',
      });
    }
    expect(jwksRequests - before).toBeLessThanOrEqual(1);
  });

  it('says provider_unavailable when the keys cannot be had, or the provider is not configured', async () => {
    const token = await sign({ ...good, iss: 'https://appleid.apple.com', aud: 'app' });
    await expect(verifier.verify('apple', token, undefined)).rejects.toMatchObject({
      code: 'provider_unavailable',
      retryAfterMs: expect.any(Number),
    });
    const off = { issuers: [], jwksUrl: 'http://127.0.0.1:1', audiences: [] };
    const none = new JoseIdTokenVerifier({ google: off, apple: off }, clock);
    await expect(none.verify('google', token, undefined)).rejects.toMatchObject({
      code: 'provider_unavailable',
    });
  });
});
