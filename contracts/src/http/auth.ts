import * as z from 'zod';
import { defineRoute } from './route.ts';

/** Longest token we read; real ones of Google and Apple have about 1,200 characters. */
const tokenSchema = z.string().max(8_192);

export const userSchema = z.strictObject({
  id: z.uuid(),
  email: z.string().nullable(),
  display_name: z.string().nullable(),
});
export type UserView = z.infer<typeof userSchema>;

export const tokenPairSchema = z.strictObject({
  /** JSON Web Token (`typ` at+jwt): opaque to clients. */
  access_token: z.string(),
  /** Use once, then keep the new one. Send one refresh at a time. */
  refresh_token: z.string(),
  token_type: z.literal('Bearer'),
  /** Seconds until the access token expires. */
  expires_in: z.int().positive(),
});
export type TokenPair = z.infer<typeof tokenPairSchema>;

export const signedInSchema = z.strictObject({ ...tokenPairSchema.shape, user: userSchema });
export type SignedIn = z.infer<typeof signedInSchema>;

export const signInProviders = ['google', 'apple'] as const;
export type SignInProvider = (typeof signInProviders)[number];

export const createAppToken = defineRoute({
  operationId: 'createAppToken',
  method: 'post',
  path: '/api/auth/app-token',
  summary: 'Sign in with a Google or Apple id token',
  description:
    'Checked in this order: a JSON object, missing fields, provider, token. `nonce` must equal the claim in the ' +
    'token when the app asked the provider for one.',
  tag: 'Signing in',
  auth: 'public',
  body: z.strictObject({
    /** `google` or `apple`; a free text here, because an unknown one has a code of its own. */
    provider: z.string().max(64).nullish(),
    id_token: tokenSchema.nullish(),
    nonce: z.string().max(256).nullish(),
  }),
  responses: { 200: signedInSchema },
  errors: ['missing_fields', 'invalid_provider', 'invalid_token', 'provider_unavailable'],
});

export const refreshAppToken = defineRoute({
  operationId: 'refreshAppToken',
  method: 'post',
  path: '/api/auth/app-token/refresh',
  summary: 'Exchange a refresh token for a new pair',
  description:
    'Each refresh token works once. The one before the newest may be repeated for 10 seconds and gives the same ' +
    'successor (a lost answer); any other reuse signs the session out.',
  tag: 'Signing in',
  auth: 'public',
  body: z.strictObject({ refresh_token: tokenSchema.nullish() }),
  responses: { 200: tokenPairSchema },
  errors: ['missing_fields', 'invalid_token'],
});

export const revokeAppToken = defineRoute({
  operationId: 'revokeAppToken',
  method: 'delete',
  path: '/api/auth/app-token',
  summary: 'Sign out',
  description: 'The session’s access and refresh tokens are refused everywhere from now on.',
  tag: 'Signing in',
  auth: 'user',
  responses: { 200: z.strictObject({ revoked: z.literal(true) }) },
  errors: [],
});

export const magicLinkRequestedSchema = z.strictObject({
  sent: z.literal(true),
  /** Binds the link to who asked for it: keep it, and send it back with the token. A browser keeps it as a cookie. */
  request_secret: z.string().length(43),
  /** Seconds until the link expires. */
  expires_in: z.int().positive(),
});

export const requestMagicLink = defineRoute({
  operationId: 'requestMagicLink',
  method: 'post',
  path: '/api/auth/app-magic-link',
  summary: 'Have a sign-in link mailed',
  description:
    'The answer is the same whether the address is known or not. A new link makes the older ones of this address ' +
    'worthless.',
  tag: 'Signing in',
  auth: 'public',
  body: z.strictObject({ email: z.string().max(1_024).nullish() }),
  responses: { 202: magicLinkRequestedSchema },
  errors: ['missing_fields', 'invalid_email'],
});

export const verifyMagicLink = defineRoute({
  operationId: 'verifyMagicLink',
  method: 'post',
  path: '/api/auth/app-magic-link/verify',
  summary: 'Sign in with the token of a mailed link',
  description:
    'Works once, within 10 minutes, and only together with the `request_secret` of the request (in the body, or ' +
    'as the cookie it came with).',
  tag: 'Signing in',
  auth: 'public',
  body: z.strictObject({
    token: tokenSchema.nullish(),
    request_secret: z.string().max(128).nullish(),
  }),
  responses: { 200: signedInSchema },
  errors: ['missing_fields', 'invalid_token'],
});
