import * as z from 'zod';
import { deviceIdSchema } from '../ids.ts';
import { capabilitySchema } from './devices.ts';
import { nextCursorSchema, pageQuery } from './paging.ts';
import { defineRoute } from './route.ts';
import { stripeEventSchema, stripeSignatureHeader, webhookReceivedSchema } from './webhooks.ts';

const instantSchema = z.iso.datetime();
const planIdSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{1,62}$/);
const priceFields = {
  price_minor: z.int().positive().describe('In the smallest unit of the currency, e.g. cents.'),
  currency: z
    .string()
    .regex(/^[a-z]{3}$/)
    .describe('ISO 4217, in lower case.'),
};

export const dataPlanSchema = z.strictObject({
  plan_id: planIdSchema,
  name: z.string(),
  description: z.string(),
  ...priceFields,
  data_mb: z.int().positive().nullable().describe('Null when it is not limited.'),
  duration_days: z.int().positive(),
  capabilities: z.array(capabilitySchema).describe('What it allows on the device while it is active.'),
});
export type DataPlanView = z.infer<typeof dataPlanSchema>;

export const purchaseStatuses = [
  'pending',
  'pending_assignment',
  'paid',
  'ordering',
  'active',
  'expired',
  'failed',
  'refunded',
  'disputed',
] as const;
const purchaseStatusSchema = z
  .enum(purchaseStatuses)
  .describe(
    '`pending`: not paid yet. `pending_assignment`: paid, waits for a SIM card. `paid`: waits to be ordered at the ' +
      'carrier. `ordering`: ordered, not in use yet. `active`: in use; only now it allows anything. `expired`: over or ' +
      'used up. `failed`: not paid, or refused by the carrier. `refunded`: the money went back. `disputed`: suspended ' +
      'while the customer’s bank asks for the money.',
  );

export const purchaseSchema = z.strictObject({
  purchase_id: z.uuid(),
  plan_id: planIdSchema,
  plan_name: z.string(),
  device_id: deviceIdSchema,
  iccid: z.string().nullable().describe('SIM card number with its middle masked; null while there is none.'),
  status: purchaseStatusSchema,
  ...priceFields,
  refunded_minor: z.int().nonnegative().describe('What went back of the price.'),
  created_at: instantSchema,
  paid_at: instantSchema.nullable(),
  activated_at: instantSchema.nullable(),
  ends_at: instantSchema.nullable().describe('First instant at which it no longer counts.'),
});
export type PurchaseView = z.infer<typeof purchaseSchema>;

/** What an operator puts on sale: the whole list, so that what is not in it is sold no more. */
export const dataPlanFileSchema = z.strictObject({
  plans: z
    .array(
      z.strictObject({
        ...dataPlanSchema.shape,
        plan_id: planIdSchema,
        name: z.string().min(1).max(120),
        description: z.string().min(1).max(2_000),
        capabilities: z.array(capabilitySchema).min(1),
        package_code: z
          .string()
          .regex(/^[\w-]{1,64}$/)
          .describe("The carrier's name of the package."),
      }),
    )
    .max(500)
    .refine(
      (plans) => new Set(plans.map(({ plan_id }) => plan_id)).size === plans.length,
      'a plan_id is there twice',
    ),
});

const examplePlan: DataPlanView = {
  plan_id: 'eu-5gb-30d',
  name: '5 GB, 30 days',
  description: 'For one camera, in Europe.',
  price_minor: 990,
  currency: 'eur',
  data_mb: 5_120,
  duration_days: 30,
  capabilities: ['cellular_data', 'cloud_playback'],
};
const examplePurchaseId = '0b9e9f0e-54f1-4a39-9d4e-0a4b7d2f7c11';

export const listDataPlans = defineRoute({
  operationId: 'listDataPlans',
  method: 'get',
  path: '/api/data-plans',
  summary: 'List the data plans on sale',
  description: 'The cheapest first. They are few, so there is one page.',
  tag: 'Data plans',
  auth: 'public',
  example: { answer: { plans: [examplePlan] } },
  responses: { 200: z.strictObject({ plans: z.array(dataPlanSchema) }) },
  errors: [],
});

export const checkoutDataPlan = defineRoute({
  operationId: 'checkoutDataPlan',
  method: 'post',
  path: '/api/checkout/data-plan',
  summary: 'Buy a data plan for a device',
  description:
    'Opens a payment page at Stripe. Having paid is not having the plan: it is ordered at the carrier then, and counts ' +
    'from its activation on; follow it in the list of purchases.',
  tag: 'Data plans',
  auth: 'user',
  headers: {
    'Idempotency-Key': {
      description: 'The same key and body within a day get the same purchase instead of a second one.',
      example: '"4f1d9b7e-2c3a-4d5b-9e8f-7a6b5c4d3e2f"',
    },
  },
  body: z.strictObject({ plan_id: z.string().min(1).max(63), device_id: z.string().min(1).max(128) }),
  example: {
    body: { plan_id: 'eu-5gb-30d', device_id: 'aovis-n4k-000123' },
    answer: {
      purchase_id: examplePurchaseId,
      checkout_url: 'https://checkout.stripe.com/c/pay/cs_live_a1B2c3D4',
      expires_at: '2026-11-21T12:00:00.000Z',
    },
  },
  responses: {
    201: z.strictObject({
      purchase_id: z.uuid(),
      checkout_url: z.url().describe('Open it in a browser.'),
      expires_at: instantSchema.describe('The page cannot be paid afterwards.'),
    }),
  },
  errors: [
    'plan_not_found',
    'device_not_found',
    'feature_disabled',
    'payment_provider_unavailable',
    'idempotency_key_reused',
    'idempotency_in_progress',
  ],
});

export const listPurchases = defineRoute({
  operationId: 'listPurchases',
  method: 'get',
  path: '/api/account/purchases',
  summary: 'List my data plans',
  description: 'Newest first.',
  tag: 'Data plans',
  auth: 'user',
  query: z.strictObject({
    ...pageQuery,
  }),
  example: {
    query: { limit: 50 },
    answer: {
      purchases: [
        {
          purchase_id: examplePurchaseId,
          plan_id: 'eu-5gb-30d',
          plan_name: '5 GB, 30 days',
          device_id: 'aovis-n4k-000123',
          iccid: '8944***********4826',
          status: 'active',
          price_minor: 990,
          currency: 'eur',
          refunded_minor: 0,
          created_at: '2026-11-20T11:40:00.000Z',
          paid_at: '2026-11-20T11:41:12.000Z',
          activated_at: '2026-11-20T11:43:30.000Z',
          ends_at: '2026-12-20T11:43:30.000Z',
        },
      ],
      next_cursor: null,
    },
  },
  responses: {
    200: z.strictObject({ purchases: z.array(purchaseSchema), next_cursor: nextCursorSchema }),
  },
  errors: [],
});

export const receiveDataPlanPayment = defineRoute({
  operationId: 'receiveDataPlanPayment',
  method: 'post',
  path: '/api/webhooks/data-plan',
  summary: 'Take a Stripe event about the payment of a data plan',
  description:
    'An endpoint of its own at Stripe, with its own secret. Sent at least once and in any order; events of other ' +
    'payments answer `ignored: true`. An error keeps nothing, so that Stripe sends the event again.',
  tag: 'Webhooks',
  auth: 'signature',
  headers: {
    [stripeSignatureHeader]: {
      description: 'Stripe’s signature of the raw body.',
      example: 't=1795176000,v1=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8',
      required: true,
    },
  },
  body: stripeEventSchema,
  example: {
    body: {
      id: 'evt_1QXb2eA0aovis0001',
      type: 'checkout.session.completed',
      created: 1795176000,
      livemode: true,
      data: {
        object: {
          id: 'cs_live_a1B2c3D4',
          payment_intent: 'pi_3QXb2eA0aovis0001',
          payment_status: 'paid',
          metadata: { type: 'data_plan', purchase_id: examplePurchaseId },
        },
      },
    },
    answer: { received: true },
  },
  responses: { 200: webhookReceivedSchema },
  errors: ['webhook_not_configured', 'invalid_signature', 'livemode_mismatch'],
  statuses: { invalid_signature: 400 },
});

/** JSON, or a text that is sent as it is. */
const acknowledgementSchema = z.union([z.string(), z.record(z.string(), z.string())]);
export type Acknowledgement = z.infer<typeof acknowledgementSchema>;

export const receiveCarrierNotice = defineRoute({
  operationId: 'receiveCarrierNotice',
  method: 'post',
  path: '/api/webhooks/eiotclub',
  summary: 'Take a notification of the SIM carrier',
  description:
    'Signed inside the body by the scheme of EIOTCLUB’s open platform, without appkey. A notification is a hint: ' +
    'whatever it says of money or packages is asked again at the carrier. The answer is what the carrier wants to ' +
    'see and can be configured; events that are not known are kept and answered alike.',
  tag: 'Webhooks',
  auth: 'signature',
  body: z.looseObject({
    id: z.union([z.string(), z.number()]),
    event: z.string(),
    timestamp: z.union([z.string(), z.number()]),
    sign: z.string(),
  }),
  example: {
    body: {
      id: '8f14e45fceea167a',
      event: 'PkgEffective',
      timestamp: 1795176000,
      nonce: 24523,
      iccid: '8944500102198304826',
      outTradeNo: '0b9e9f0e54f14a399d4e0a4b7d2f7c11',
      sign: '963A56BAEBED746F2746E4D9B3B77BE0F2E171E7',
    },
    answer: { code: '200', message: 'success' },
  },
  responses: { 200: acknowledgementSchema },
  errors: ['webhook_not_configured', 'invalid_signature'],
});

export const reconcileDataPlans = defineRoute({
  operationId: 'reconcileDataPlans',
  method: 'post',
  path: '/api/cron/eiotclub-reconcile',
  summary: 'Ask the SIM carrier what notifications missed',
  description:
    'For a scheduler, every few minutes. Puts the questions into the queue and answers at once; calling it twice asks ' +
    'once.',
  tag: 'Service',
  auth: 'signature',
  headers: {
    Authorization: {
      description: '`Bearer` and the secret shared with the scheduler.',
      example: 'Bearer 3XkQ0b7mSg1vWb0pY0h1dQ6r2s9tUuVw',
      required: true,
    },
  },
  example: { answer: { refreshed: 12, ordered_again: 1, assigned: 0, expired: 3 } },
  responses: {
    200: z.strictObject({
      refreshed: z.int().nonnegative().describe('Purchases that will be asked for at the carrier.'),
      ordered_again: z.int().nonnegative().describe('Paid ones whose order will be tried again.'),
      assigned: z.int().nonnegative().describe('Paid ones whose device has a SIM card now.'),
      expired: z.int().nonnegative().describe('Active ones whose time is over.'),
    }),
  },
  errors: ['unauthorized', 'cron_not_configured'],
});
