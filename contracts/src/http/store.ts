import * as z from 'zod';
import { defineRoute } from './route.ts';
import { stripeEventSchema, stripeSignatureHeader, webhookReceivedSchema } from './webhooks.ts';

export const amountMinorSchema = z
  .int()
  .nonnegative()
  .describe('In the smallest unit of the currency, e.g. cents.');
export const currencySchema = z
  .string()
  .regex(/^[a-z]{3}$/, 'a currency is three lower-case letters, e.g. usd')
  .describe('ISO 4217, in lower case.');
export const slugSchema = z
  .string()
  .max(64)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'a slug is lower-case words joined by hyphens, e.g. n4k-camera');
const instantSchema = z.iso.datetime();

export const variantSchema = z.strictObject({
  id: z.uuid(),
  sku: z.string(),
  name: z.string(),
  price_minor: amountMinorSchema,
  currency: currencySchema,
  in_stock: z.boolean(),
});
export const productSchema = z.strictObject({
  slug: slugSchema,
  name: z.string(),
  description: z.string(),
  variants: z.array(variantSchema),
});
export type ProductView = z.infer<typeof productSchema>;

const exampleVariantId = '7b0c7f6e-55a4-4d0e-8a53-0d2a6c1f9b42';
const exampleProduct: ProductView = {
  slug: 'n4k-camera',
  name: 'AOVIS N4K',
  description: 'A 4K camera with its own SIM card.',
  variants: [
    {
      id: exampleVariantId,
      sku: 'N4K-WHITE',
      name: 'White',
      price_minor: 19_900,
      currency: 'usd',
      in_stock: true,
    },
  ],
};

export const listProducts = defineRoute({
  operationId: 'listProducts',
  method: 'get',
  path: '/api/store/products',
  summary: 'List what is sold',
  tag: 'Store',
  auth: 'public',
  example: { answer: { products: [exampleProduct] } },
  responses: { 200: z.strictObject({ products: z.array(productSchema) }) },
  errors: [],
});

export const getProduct = defineRoute({
  operationId: 'getProduct',
  method: 'get',
  path: '/api/store/products/{slug}',
  summary: 'Show one product',
  tag: 'Store',
  auth: 'public',
  params: z.strictObject({ slug: z.string().max(64) }),
  example: { params: { slug: 'n4k-camera' }, answer: exampleProduct },
  responses: { 200: productSchema },
  errors: ['product_not_found'],
});

/** Pieces of one variant that the shop counts. */
export const maxStock = 10_000_000;
/** Number of an article. */
export const skuSchema = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9._-]{0,63}$/, 'a SKU is up to 64 of A-Z 0-9 . _ -');
const storable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');
const nameSchema = z.string().min(1).max(200).refine(storable, 'a name is whole characters');

/** A product as an operator writes it down. */
export const catalogProductSchema = z.strictObject({
  slug: slugSchema,
  name: nameSchema,
  description: z.string().max(10_000).refine(storable, 'a description is whole characters'),
  active: z.boolean().default(true),
  variants: z
    .array(
      z.strictObject({
        sku: skuSchema,
        name: nameSchema,
        price_minor: z.int().positive().max(100_000_000),
        currency: currencySchema,
        stock: z
          .int()
          .nonnegative()
          .max(maxStock)
          .describe('Pieces in the warehouse, those of open orders included.'),
        active: z.boolean().default(true),
      }),
    )
    .min(1)
    .max(100),
});
export type CatalogProduct = z.infer<typeof catalogProductSchema>;

/** What `products import` reads: all products, in the order in which the shop shows them. */
export const catalogFileSchema = z.strictObject({
  products: z.array(catalogProductSchema).max(1_000),
});
export type CatalogFile = z.infer<typeof catalogFileSchema>;

export const checkoutItemSchema = z.strictObject({
  variant_id: z.uuid(),
  quantity: z.int().min(1).max(10),
});

export const createCheckout = defineRoute({
  operationId: 'createCheckout',
  method: 'post',
  path: '/api/checkout',
  summary: 'Order, and get the page to pay on',
  description:
    'Prices are ours, whatever the client shows. The pieces are held until `expires_at`; then the order is over. ' +
    'Guests may order too; the order of who is signed in appears in the account.',
  tag: 'Store',
  auth: 'optional',
  headers: {
    'Idempotency-Key': {
      description: 'The same key and body within a day get the same order instead of a second one.',
      example: '"9d5a3c1e-70f8-4f5b-8d3c-2f4b6a1c0e7d"',
    },
  },
  body: z.strictObject({
    items: z
      .array(checkoutItemSchema)
      .min(1)
      .max(20)
      .refine(
        (items) => new Set(items.map(({ variant_id }) => variant_id)).size === items.length,
        'name each variant once, with its quantity',
      ),
  }),
  example: {
    body: { items: [{ variant_id: exampleVariantId, quantity: 1 }] },
    answer: {
      order_id: 'c8d6b2f4-3a1e-4a57-9c05-6e0f7d2b8a13',
      url: 'https://checkout.stripe.com/c/pay/cs_live_a1b2c3',
      expires_at: '2026-11-20T12:35:00.000Z',
    },
  },
  responses: {
    201: z.strictObject({
      order_id: z.uuid(),
      url: z.url().describe('Open it in a browser.'),
      expires_at: instantSchema.describe(
        'The page cannot be paid afterwards, and the pieces are free again.',
      ),
    }),
  },
  errors: [
    'product_not_found',
    'out_of_stock',
    'mixed_currencies',
    'feature_disabled',
    'payment_provider_unavailable',
    'idempotency_key_reused',
    'idempotency_in_progress',
  ],
});

export const orderStatuses = [
  'pending',
  'processing',
  'failed',
  'expired',
  'paid',
  'partially_refunded',
  'refunded',
] as const;

export const orderSchema = z.strictObject({
  id: z.uuid(),
  status: z
    .enum(orderStatuses)
    .describe(
      '`pending`: not paid yet. `processing`: the payment was made and is not confirmed yet. `failed`: it was not ' +
        'paid. `expired`: the time to pay is over. `paid`; afterwards perhaps `partially_refunded` or `refunded`.',
    ),
  currency: currencySchema,
  total_minor: amountMinorSchema,
  refunded_minor: amountMinorSchema,
  created_at: instantSchema,
  paid_at: instantSchema.nullable(),
  items: z.array(
    z.strictObject({
      sku: z.string(),
      name: z.string(),
      unit_price_minor: amountMinorSchema,
      quantity: z.int().positive(),
    }),
  ),
});
export type OrderView = z.infer<typeof orderSchema>;

export const getCheckoutSuccess = defineRoute({
  operationId: 'getCheckoutSuccess',
  method: 'get',
  path: '/api/checkout/success',
  summary: 'What became of a checkout',
  description:
    'The address of the success page ends up in histories, so it proves nothing: only the signed-in owner is told ' +
    'about the order. Everybody else, and whoever asks for a session that we do not know, gets the status alone. ' +
    '`processing` may still become `paid` or `failed`: ask again after a few seconds.',
  tag: 'Store',
  auth: 'optional',
  query: z.strictObject({ session_id: z.string().min(1).max(255) }),
  answerHeaders: {
    'Referrer-Policy': { description: 'Nobody is told this address.', example: 'no-referrer' },
  },
  example: { query: { session_id: 'cs_live_a1b2c3' }, answer: { status: 'paid' } },
  responses: {
    200: z.strictObject({
      status: z
        .enum(['paid', 'processing', 'failed'])
        .describe('`processing` may still become one of the others.'),
      order: orderSchema.optional().describe('For its signed-in owner alone.'),
    }),
  },
  errors: [],
});

export const receiveStripeOrderEvent = defineRoute({
  operationId: 'receiveStripeOrderEvent',
  method: 'post',
  path: '/api/stripe/webhook',
  summary: 'Take an event about an order from Stripe',
  description:
    `${stripeSignatureHeader} is checked over the raw body before anything is read. An event counts once; when ` +
    'it cannot be applied nothing is kept of it, the answer is 500, and Stripe sends it again.',
  tag: 'Webhooks',
  auth: 'signature',
  headers: {
    [stripeSignatureHeader]: {
      description: 'Unix seconds and hex HMAC-SHA256 of `<t>.<raw body>`.',
      example: 't=1763640000,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd',
    },
  },
  body: stripeEventSchema,
  example: {
    body: {
      id: 'evt_1SQx0a2eZvKYlo2C',
      type: 'checkout.session.completed',
      created: 1_763_640_000,
      livemode: false,
      data: { object: { id: 'cs_test_a1b2c3', payment_status: 'paid' } },
    },
    answer: { received: true },
  },
  responses: { 200: webhookReceivedSchema },
  errors: ['webhook_not_configured', 'invalid_signature', 'livemode_mismatch'],
  statuses: { invalid_signature: 400 },
});
