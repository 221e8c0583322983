import * as z from 'zod';
import { nextCursorSchema, pageQuery } from './paging.ts';
import { byteStreamSchema, defineRoute } from './route.ts';
import { type OrderView, orderSchema } from './store.ts';

const instantSchema = z.iso.datetime();

/** A name to show: whatever people are called. */
export const displayNameSchema = z
  .string()
  .trim()
  .min(1)
  .max(80)
  .refine((name) => name.isWellFormed() && !/\p{Cc}/u.test(name), 'a name holds no control characters');

/**
 * `adult_declared`: the holder of the account is 18 or older; a declaration, so it is not taken back. `ai_features`:
 * pictures of the holder's cameras may be described by a language model; off until switched on. `marketing`: news by
 * mail.
 */
export const consentKinds = ['adult_declared', 'ai_features', 'marketing'] as const;
export type ConsentKind = (typeof consentKinds)[number];

export const consentSchema = z.strictObject({
  given: z.boolean(),
  at: instantSchema.nullable().describe('When that was last said; null while it never was.'),
});

export const accountSchema = z.strictObject({
  id: z.uuid(),
  email: z.string().nullable(),
  email_verified: z.boolean(),
  display_name: z.string().nullable(),
  created_at: instantSchema,
  identities: z
    .array(
      z.strictObject({
        provider: z.enum(['google', 'apple', 'email']),
        created_at: instantSchema,
        last_used_at: instantSchema,
      }),
    )
    .describe('The ways to sign in.'),
  consents: z.strictObject({
    adult_declared: consentSchema,
    ai_features: consentSchema,
    marketing: consentSchema,
  }),
});
export type AccountView = z.infer<typeof accountSchema>;

const exampleAccount: AccountView = {
  id: '6f1c2a50-8d1e-4f7b-9c3a-2b7d5e9f0a14',
  email: 'anna@example.com',
  email_verified: true,
  display_name: 'Anna',
  created_at: '2026-11-02T09:30:00.000Z',
  identities: [
    {
      provider: 'google',
      created_at: '2026-11-02T09:30:00.000Z',
      last_used_at: '2026-11-20T11:58:00.000Z',
    },
  ],
  consents: {
    adult_declared: { given: true, at: '2026-11-02T09:31:00.000Z' },
    ai_features: { given: false, at: null },
    marketing: { given: false, at: '2026-11-10T18:00:00.000Z' },
  },
};

export const getAccount = defineRoute({
  operationId: 'getAccount',
  method: 'get',
  path: '/api/account',
  summary: 'Show one’s own account',
  tag: 'Account',
  auth: 'user',
  example: { answer: exampleAccount },
  responses: { 200: accountSchema },
  errors: [],
});

export const accountChangeSchema = z
  .strictObject({
    display_name: displayNameSchema.nullable().optional(),
    consents: z
      .strictObject({
        adult_declared: z
          .literal(true, { error: 'a declaration can be made, but not taken back' })
          .optional(),
        ai_features: z.boolean().optional(),
        marketing: z.boolean().optional(),
      })
      .optional(),
  })
  .refine(
    ({ display_name, consents = {} }) => display_name !== undefined || Object.keys(consents).length > 0,
    {
      error: 'send display_name, consents or both',
    },
  );
export type AccountChange = z.infer<typeof accountChangeSchema>;

export const updateAccount = defineRoute({
  operationId: 'updateAccount',
  method: 'patch',
  path: '/api/account',
  summary: 'Change one’s name and consents',
  description:
    'What is not named stays as it is. Each change of a consent is kept with its time; saying the same again ' +
    'changes nothing.',
  tag: 'Account',
  auth: 'user',
  body: accountChangeSchema,
  example: {
    body: { display_name: 'Anna', consents: { adult_declared: true } },
    answer: exampleAccount,
  },
  responses: { 200: accountSchema },
  errors: [],
});

const exampleOrder: OrderView = {
  id: 'c8d6b2f4-3a1e-4a57-9c05-6e0f7d2b8a13',
  status: 'paid',
  currency: 'usd',
  total_minor: 19_900,
  refunded_minor: 0,
  created_at: '2026-11-20T12:05:00.000Z',
  paid_at: '2026-11-20T12:07:21.000Z',
  items: [{ sku: 'N4K-WHITE', name: 'AOVIS N4K, White', unit_price_minor: 19_900, quantity: 1 }],
};

export const listOrders = defineRoute({
  operationId: 'listOrders',
  method: 'get',
  path: '/api/account/orders',
  summary: 'List one’s orders, newest first',
  description: 'Those that were placed while signed in; an order of a guest belongs to no account.',
  tag: 'Account',
  auth: 'user',
  query: z.strictObject({ ...pageQuery }),
  example: { query: { limit: 50 }, answer: { orders: [exampleOrder], next_cursor: null } },
  responses: { 200: z.strictObject({ orders: z.array(orderSchema), next_cursor: nextCursorSchema }) },
  errors: [],
});

export const getOrder = defineRoute({
  operationId: 'getOrder',
  method: 'get',
  path: '/api/account/orders/{id}',
  summary: 'Show one of one’s orders',
  tag: 'Account',
  auth: 'user',
  params: z.strictObject({ id: z.string().max(128) }),
  example: { params: { id: exampleOrder.id }, answer: exampleOrder },
  responses: { 200: orderSchema },
  errors: ['order_not_found'],
});

export const accountSessionSchema = z.strictObject({
  id: z.uuid(),
  method: z.string().describe('How it was signed in.'),
  user_agent: z.string().nullable().describe('What the app or browser called itself; null when it did not.'),
  created_at: instantSchema,
  last_used_at: instantSchema.describe('When it last got new tokens.'),
  expires_at: instantSchema,
  current: z.boolean().describe('Whether it is the one that asks.'),
});
export type AccountSession = z.infer<typeof accountSessionSchema>;

const exampleSession: AccountSession = {
  id: 'a3b1c6de-1f27-4d0a-8f55-0b9a5f6f2e71',
  method: 'google',
  user_agent: 'AOVIS/2.4 (iPhone; iOS 26.1)',
  created_at: '2026-11-02T09:30:00.000Z',
  last_used_at: '2026-11-20T11:58:00.000Z',
  expires_at: '2027-01-31T09:30:00.000Z',
  current: true,
};

export const listSessions = defineRoute({
  operationId: 'listSessions',
  method: 'get',
  path: '/api/account/sessions',
  summary: 'List where one is signed in, newest first',
  description: 'Sessions that were signed out or have expired are not among them.',
  tag: 'Account',
  auth: 'user',
  query: z.strictObject({ ...pageQuery }),
  example: { query: { limit: 50 }, answer: { sessions: [exampleSession], next_cursor: null } },
  responses: {
    200: z.strictObject({ sessions: z.array(accountSessionSchema), next_cursor: nextCursorSchema }),
  },
  errors: [],
});

export const revokeSession = defineRoute({
  operationId: 'revokeSession',
  method: 'delete',
  path: '/api/account/sessions/{id}',
  summary: 'Sign one session out',
  description: 'Its access and refresh tokens are refused everywhere from now on.',
  tag: 'Account',
  auth: 'user',
  params: z.strictObject({ id: z.string().max(128) }),
  example: { params: { id: exampleSession.id }, answer: { revoked: 1 } },
  responses: { 200: z.strictObject({ revoked: z.literal(1) }) },
  errors: ['session_not_found'],
});

export const revokeAllSessions = defineRoute({
  operationId: 'revokeAllSessions',
  method: 'post',
  path: '/api/account/sessions/revoke-all',
  summary: 'Sign out everywhere',
  description: 'All access and refresh tokens are refused from now on, this session’s too unless it is kept.',
  tag: 'Account',
  auth: 'user',
  body: z.strictObject({ keep_current: z.boolean().default(false).describe('Stay signed in here.') }),
  example: { body: { keep_current: true }, answer: { revoked: 3 } },
  responses: { 200: z.strictObject({ revoked: z.int().nonnegative() }) },
  errors: [],
});

/** Each section is a list of records; their fields are named as in the API. Times are ISO 8601 in UTC. */
const exportSectionSchema = z.array(z.record(z.string(), z.json()));

/** What `exportAccount` sends. */
export const accountExportSchema = z.strictObject({
  format: z.literal('aovis-account-export-1'),
  exported_at: instantSchema,
  sections: z.record(z.string(), exportSectionSchema),
});
export type AccountExport = z.infer<typeof accountExportSchema>;

export const exportAccount = defineRoute({
  operationId: 'exportAccount',
  method: 'post',
  path: '/api/account/export',
  summary: 'Download everything that is stored about oneself',
  description:
    'One JSON document: `format` (aovis-account-export-1), `exported_at` and `sections`, an object of lists. Secrets ' +
    'are left out, numbers of SIM cards masked. A connection that breaks off in the middle means that the document ' +
    'is not whole. Five an hour.',
  tag: 'Account',
  auth: 'user',
  answerHeaders: {
    'Content-Disposition': {
      description: 'A name for the file.',
      example: 'attachment; filename="aovis-account-2026-11-20.json"',
    },
  },
  binaryAnswer: 'application/json',
  example: { answer: { async *[Symbol.asyncIterator]() {} } },
  responses: { 200: byteStreamSchema },
  errors: [],
});

/** How recent the sign-in must be that closes an account. */
export const freshSignInSeconds = 600;

export const deleteAccount = defineRoute({
  operationId: 'deleteAccount',
  method: 'delete',
  path: '/api/account',
  summary: 'Close one’s account for good',
  description:
    'Signs out everywhere, releases all devices, ends shares, and removes name, address, ways to sign in, consents ' +
    'and what the devices reported. Orders and purchases stay without the person, as the law on bookkeeping wants; ' +
    'data plans that are paid for are not paid back. A later sign-in makes a new, empty account. Needs a sign-in of ' +
    `the last ${freshSignInSeconds / 60} minutes: sign in once more, then call this with the new token.`,
  tag: 'Account',
  auth: 'user',
  example: { answer: { deleted_at: '2026-11-20T12:00:00.000Z' } },
  responses: { 200: z.strictObject({ deleted_at: instantSchema }) },
  errors: ['fresh_sign_in_required'],
});
