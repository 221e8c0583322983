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
  access_token: z.string().describe('JSON Web Token (`typ` at+jwt): opaque to clients.'),
  refresh_token: z.string().describe('Use once, then keep the new one. Send one refresh at a time.'),
  token_type: z.literal('Bearer'),
  expires_in: z.int().positive().describe('Seconds until the access token expires.'),
});
export type TokenPair = z.infer<typeof tokenPairSchema>;

export const signedInSchema = z.strictObject({ ...tokenPairSchema.shape, user: userSchema });
export type SignedIn = z.infer<typeof signedInSchema>;

export const signInProviders = ['google', 'apple'] as const;
export type SignInProvider = (typeof signInProviders)[number];

const exampleTokens = {
  access_token: 'eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiI3YzlhIn0.c2lnbmF0dXJl',
  refresh_token: 'cPq3hV9tYx0n1Zk5rLw2mB8sD4uF6gJ7aE_iOoNvQKc',
  token_type: 'Bearer',
  expires_in: 900,
} as const;
const exampleSignedIn: SignedIn = {
  ...exampleTokens,
  user: { id: '6f1c2a50-8d1e-4f7b-9c3a-2b7d5e9f0a14', email: 'anna@example.com', display_name: 'Anna' },
};

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
    provider: z.string().max(64).nullish().describe('`google` or `apple`.'),
    id_token: tokenSchema.nullish().describe('As the provider gave it.'),
    nonce: z.string().max(256).nullish().describe('What the app gave the provider as nonce, if it did.'),
  }),
  example: {
    body: {
      provider: 'google',
      id_token: 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMDc2In0.c2lnbmF0dXJl',
      nonce: 'n-0S6_WzA2Mj',
    },
    answer: exampleSignedIn,
  },
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
  example: {
    body: { refresh_token: 'Xb7kR2pLq9Vw4sT1nY6mC8dF3gH5jK0aZ_eUoIiNvBc' },
    answer: exampleTokens,
  },
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
  example: { answer: { revoked: true } },
  responses: { 200: z.strictObject({ revoked: z.literal(true) }) },
  errors: [],
});

export const magicLinkRequestedSchema = z.strictObject({
  sent: z.literal(true),
  request_secret: z
    .string()
    .length(43)
    .describe(
      'Binds the link to who asked for it: keep it, and send it back with the token. A browser keeps it as a cookie.',
    ),
  expires_in: z.int().positive().describe('Seconds until the link expires.'),
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
  answerHeaders: {
    'Set-Cookie': {
      description: 'The `request_secret` for browsers, that send it with the token by themselves.',
      example: '__Host-aovis_magic_link=k3J…; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax',
    },
  },
  example: {
    body: { email: 'anna@example.com' },
    answer: { sent: true, request_secret: 'k3Jf8sLq0Wv2bN5xC7zR9tY1uP4oD6hG_mEaIiKvQXc', expires_in: 600 },
  },
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
    token: tokenSchema.nullish().describe('What follows `#token=` in the link.'),
    request_secret: z.string().max(128).nullish().describe('From the answer to the request for the link.'),
  }),
  headers: {
    Cookie: {
      description: 'Instead of `request_secret`: the cookie that came when the link was asked for.',
      example: '__Host-aovis_magic_link=k3Jf8sLq0Wv2bN5xC7zR9tY1uP4oD6hG_mEaIiKvQXc',
    },
  },
  example: {
    body: {
      token: 'q8Zs1Xn4Vb7Lm0Kj3Hg6Fd9Sa2Po5Iu_yTrEwQqMcNb',
      request_secret: 'k3Jf8sLq0Wv2bN5xC7zR9tY1uP4oD6hG_mEaIiKvQXc',
    },
    answer: exampleSignedIn,
  },
  responses: { 200: signedInSchema },
  errors: ['missing_fields', 'invalid_token'],
});

export const webSessionSchema = z.strictObject({
  user: userSchema,
  expires_at: z.iso.datetime().describe('Sign in again afterwards.'),
});

export const openWebSession = defineRoute({
  operationId: 'openWebSession',
  method: 'post',
  path: '/api/auth/web-session',
  summary: 'Sign a browser in',
  description:
    'For pages of this origin: takes what the app routes take (a provider’s `id_token`, or the `token` of a mailed link) ' +
    'and answers with a cookie (`__Host-aovis_session`, HttpOnly) instead of tokens. Requests that change something ' +
    'count with the cookie only from our own pages; with an `Authorization` header the cookie is ignored.',
  tag: 'Signing in',
  auth: 'public',
  body: z.strictObject({
    provider: z.string().max(64).nullish().describe('`google` or `apple`, with `id_token`.'),
    id_token: tokenSchema.nullish(),
    nonce: z.string().max(256).nullish(),
    token: tokenSchema.nullish().describe('Of a mailed link, in the browser that asked for it.'),
  }),
  answerHeaders: {
    'Set-Cookie': {
      description: 'The session.',
      example: '__Host-aovis_session=…; Path=/; HttpOnly; SameSite=Lax; Secure',
    },
  },
  example: {
    body: { token: 'uD3k9XhT0mZ2bq7Vw5Yc1Rf8La6Ns4Pe' },
    answer: { user: exampleSignedIn.user, expires_at: '2027-02-18T12:00:00.000Z' },
  },
  responses: { 200: webSessionSchema },
  errors: ['missing_fields', 'invalid_provider', 'invalid_token', 'provider_unavailable', 'csrf_refused'],
});

export const closeWebSession = defineRoute({
  operationId: 'closeWebSession',
  method: 'delete',
  path: '/api/auth/web-session',
  summary: 'Sign this browser out',
  tag: 'Signing in',
  auth: 'user',
  answerHeaders: {
    'Set-Cookie': { description: 'Removes the cookie.', example: '__Host-aovis_session=; Max-Age=0; Path=/' },
  },
  example: { answer: { revoked: true } },
  responses: { 200: z.strictObject({ revoked: z.literal(true) }) },
  errors: [],
});
