import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { AdminRoute } from '../kernel/admin-route.ts';
import type { Environment } from '../kernel/service.ts';
import { createTestEnvironment } from '../kernel/testing/test-environment.ts';
import type { Provider } from './operations.ts';
import { Identity } from './server.ts';

describe('the issuers', () => {
  let environment: Environment & { dispose(): void };
  let identity: Identity;

  beforeEach(async () => {
    environment = await createTestEnvironment();
    identity = new Identity(environment, 0);
    await identity.start();
  });
  afterEach(async () => {
    await identity.stop();
    environment.dispose();
  });

  async function call(name: string, provider: string, body: unknown): Promise<Record<string, string>> {
    const path = `/_local/identity/{provider}/${name}`;
    const route = identity.adminRoutes.find((one: AdminRoute) => one.path === path);
    const request = { params: { provider }, query: new URLSearchParams(), body };
    return (await route?.handle(request)) as Record<string, string>;
  }
  const mint = async (provider: Provider, more: Record<string, unknown> = {}): Promise<string> => {
    const identityOf = { sub: 'user-1', email: 'one@example.com', aud: 'app', ...more };
    return (await call('token', provider, identityOf))['id_token'] ?? '';
  };

  /** As a relying party does it: discovery first, keys from there. */
  async function verify(provider: Provider, token: string): Promise<Record<string, unknown>> {
    const issuer = identity.issuer(provider);
    const response = await fetch(`${issuer}/.well-known/openid-configuration`);
    const discovery = (await response.json()) as { issuer: string; jwks_uri: string };
    expect(discovery.issuer).toBe(issuer);
    const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(discovery.jwks_uri)), {
      issuer,
      audience: 'app',
      algorithms: ['RS256'],
      requiredClaims: ['sub', 'exp', 'iat'],
    });
    return payload;
  }

  it.each(['google', 'apple'] as const)('%s: a token that a relying party accepts', async (provider) => {
    const payload = await verify(provider, await mint(provider, { nonce: 'n-1', email_verified: 'true' }));
    expect(payload).toMatchObject({
      sub: 'user-1',
      email: 'one@example.com',
      email_verified: 'true',
      aud: 'app',
      nonce: 'n-1',
    });
    expect(Number(payload['exp']) - Number(payload['iat'])).toBe(3600);
  });

  it('the token of one is nothing to the other', async () => {
    await expect(verify('apple', await mint('google'))).rejects.toThrow(errors.JWKSNoMatchingKey);
  });

  it('sign the first tokens, asked for together, with one key', async () => {
    const tokens = await Promise.all(Array.from({ length: 8 }, () => mint('google')));
    expect(new Set(tokens.map((token) => decodeProtectedHeader(token).kid)).size).toBe(1);
  });

  it('makes expired tokens on demand', async () => {
    await expect(verify('google', await mint('google', { expiresIn: -10 }))).rejects.toThrow(
      errors.JWTExpired,
    );
  });

  it('rotates: old tokens hold until the old key is forgotten', async () => {
    const before = await mint('google');
    await call('rotate', 'google', undefined);
    const after = await mint('google');
    expect(decodeProtectedHeader(after).kid).not.toBe(decodeProtectedHeader(before).kid);
    await verify('google', before);
    await verify('google', after);
    await call('rotate', 'google', { forget: true });
    await expect(verify('google', before)).rejects.toThrow(errors.JWKSNoMatchingKey);
  });

  it('keeps its keys over a restart, and never shows the private half', async () => {
    const token = await mint('apple');
    const { port } = identity;
    await identity.stop();
    identity = new Identity(environment, port);
    await identity.start();
    await verify('apple', token);
    const jwks = await (await fetch(`${identity.issuer('apple')}/auth/keys`)).json();
    expect(Object.keys((jwks as { keys: object[] }).keys[0] ?? {}).sort()).toEqual([
      'alg',
      'e',
      'kid',
      'kty',
      'n',
      'use',
    ]);
  });

  it('can be out of reach for one provider', async () => {
    environment.faults.add({
      service: 'identity',
      subject: 'google',
      effect: { kind: 'error', status: 503, code: 'x', message: 'down' },
    });
    expect((await fetch(`${identity.issuer('google')}/oauth2/v3/certs`)).status).toBe(503);
    expect((await fetch(`${identity.issuer('apple')}/auth/keys`)).status).toBe(200);
  });

  it('refuses unknown providers and incomplete identities in sentences', async () => {
    await expect(call('token', 'facebook', {})).rejects.toThrow(/the provider is google or apple/);
    await expect(call('token', 'google', { email: 'x@example.com' })).rejects.toThrow(/sub/);
  });
});
