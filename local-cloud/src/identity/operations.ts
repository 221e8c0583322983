import { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';

export type Provider = 'google' | 'apple';

/** What a test or a demo says of the person who signs in. */
export const tokenRequestSchema = z.strictObject({
  sub: z.string().min(1).max(255),
  email: z.email().optional(),
  /** Apple sends it as a boolean or as a string. */
  email_verified: z.union([z.boolean(), z.enum(['true', 'false'])]).default(true),
  is_private_email: z.union([z.boolean(), z.enum(['true', 'false'])]).optional(),
  name: z.string().optional(),
  aud: z.string().min(1),
  nonce: z.string().optional(),
  /** Seconds; below zero makes a token that has expired already. */
  expiresIn: z.int().min(-86_400).max(86_400).default(3600),
});
export type TokenRequest = z.infer<typeof tokenRequestSchema>;

/** Where each provider keeps its JWKS, below its issuer. */
export const jwksPaths: Readonly<Record<Provider, string>> = {
  google: '/oauth2/v3/certs',
  apple: '/auth/keys',
};

/** Claims of an id_token (OpenID Connect Core 1.0, section 2) with the members each provider adds. */
export function claimsOf(
  provider: Provider,
  issuer: string,
  request: TokenRequest,
  clock: Clock,
): Record<string, unknown> {
  const { expiresIn, is_private_email, name, ...identity } = request;
  const issuedAt = Math.floor(clock.nowSeconds()) - (expiresIn < 0 ? 86_400 : 0);
  const common = {
    iss: issuer,
    ...identity,
    iat: issuedAt,
    exp: Math.floor(clock.nowSeconds()) + expiresIn,
  };
  if (provider === 'google') return { ...common, azp: identity.aud, ...(name === undefined ? {} : { name }) };
  return {
    ...common,
    auth_time: issuedAt,
    nonce_supported: true,
    ...(is_private_email === undefined ? {} : { is_private_email }),
  };
}

/** OpenID Connect Discovery 1.0, section 3: the members that relying parties of either provider read. */
export function discoveryOf(provider: Provider, issuer: string): Record<string, unknown> {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}${jwksPaths[provider]}`,
    response_types_supported: ['code', 'id_token', 'code id_token'],
    subject_types_supported: [provider === 'apple' ? 'pairwise' : 'public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'email', ...(provider === 'apple' ? ['name'] : ['profile'])],
    claims_supported: ['aud', 'email', 'email_verified', 'exp', 'iat', 'iss', 'nonce', 'sub'],
  };
}
