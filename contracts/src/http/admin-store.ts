import * as z from 'zod';
import { exampleOrderId, exampleUserId, idParams, reasonSchema } from './admin-common.ts';
import { auditEntrySchema } from './admin-operations.ts';
import { purchaseSchema, purchaseStatuses } from './data-plans.ts';
import { nextCursorSchema, pageQuery } from './paging.ts';
import { defineRoute } from './route.ts';
import {
  amountMinorSchema,
  catalogProductSchema,
  currencySchema,
  orderSchema,
  orderStatuses,
} from './store.ts';

const variantSchema = z.strictObject({
  sku: z.string(),
  name: z.string(),
  price_minor: amountMinorSchema,
  currency: currencySchema,
  /** In the warehouse, those of open orders included. */
  stock: z.int().nonnegative(),
  /** Held by open orders. */
  reserved: z.int().nonnegative(),
  active: z.boolean(),
});
export const adminProductSchema = z.strictObject({
  slug: z.string(),
  name: z.string(),
  description: z.string(),
  active: z.boolean(),
  variants: z.array(variantSchema),
});
export type AdminProductView = z.infer<typeof adminProductSchema>;

const exampleProduct: AdminProductView = {
  slug: 'n4k',
  name: 'AOVIS N4K',
  description: 'A camera with a SIM card.',
  active: true,
  variants: [
    {
      sku: 'N4K-WHITE',
      name: 'White',
      price_minor: 19_900,
      currency: 'usd',
      stock: 40,
      reserved: 2,
      active: true,
    },
  ],
};

export const listAllProducts = defineRoute({
  operationId: 'adminListProducts',
  method: 'get',
  path: '/api/admin/products',
  summary: 'List all products, those off sale too',
  tag: 'Staff',
  auth: { role: 'support' },
  example: { answer: { products: [exampleProduct] } },
  responses: { 200: z.strictObject({ products: z.array(adminProductSchema) }) },
  errors: [],
});

export const saveProduct = defineRoute({
  operationId: 'adminSaveProduct',
  method: 'put',
  path: '/api/admin/products/{slug}',
  summary: 'Make or change a product',
  description:
    'The product is afterwards what the body says; variants that it does not name go off sale. The stock of a variant ' +
    'that exists already is left as it is: that is adjusted by itself.',
  tag: 'Staff',
  auth: { role: 'admin' },
  params: z.strictObject({ slug: z.string().min(1).max(64) }),
  body: catalogProductSchema.omit({ slug: true }),
  example: {
    params: { slug: 'n4k' },
    body: {
      name: 'AOVIS N4K',
      description: 'A camera with a SIM card.',
      active: true,
      variants: [
        { sku: 'N4K-WHITE', name: 'White', price_minor: 19_900, currency: 'usd', stock: 40, active: true },
      ],
    },
    answer: exampleProduct,
  },
  responses: { 200: adminProductSchema },
  errors: ['sku_taken'],
});

export const adjustStock = defineRoute({
  operationId: 'adminAdjustStock',
  method: 'post',
  path: '/api/admin/variants/{sku}/stock',
  summary: 'Add pieces to the stock, or take some away',
  description: 'Never below what open orders hold.',
  tag: 'Staff',
  auth: { role: 'admin' },
  params: z.strictObject({ sku: z.string().min(1).max(64) }),
  body: z.strictObject({
    delta: z
      .int()
      .min(-1_000_000)
      .max(1_000_000)
      .refine((delta) => delta !== 0, 'a change of nothing'),
    reason: reasonSchema,
  }),
  example: {
    params: { sku: 'N4K-WHITE' },
    body: { delta: 200, reason: 'delivery of November' },
    answer: { sku: 'N4K-WHITE', stock: 240, reserved: 2 },
  },
  responses: {
    200: z.strictObject({ sku: z.string(), stock: z.int().nonnegative(), reserved: z.int().nonnegative() }),
  },
  errors: ['product_not_found', 'out_of_stock'],
});

export const adminOrderSchema = z.strictObject({
  ...orderSchema.shape,
  user_id: z.uuid().nullable(),
  email: z.string().nullable(),
  dispute: z.enum(['open', 'won', 'lost']).nullable(),
  stripe_session_id: z.string().nullable(),
  payment_intent: z.string().nullable(),
});
export type AdminOrderView = z.infer<typeof adminOrderSchema>;

const exampleOrder: AdminOrderView = {
  id: exampleOrderId,
  status: 'paid',
  currency: 'usd',
  total_minor: 19_900,
  refunded_minor: 0,
  created_at: '2026-11-20T11:40:00.000Z',
  paid_at: '2026-11-20T11:41:12.000Z',
  items: [{ sku: 'N4K-WHITE', name: 'AOVIS N4K, White', unit_price_minor: 19_900, quantity: 1 }],
  user_id: exampleUserId,
  email: 'anna@example.com',
  dispute: null,
  stripe_session_id: 'cs_live_a1b2c3',
  payment_intent: 'pi_3Q1',
};

export const listOrders = defineRoute({
  operationId: 'adminListOrders',
  method: 'get',
  path: '/api/admin/orders',
  summary: 'Find orders',
  description: 'Newest first. All that is given must fit.',
  tag: 'Staff',
  auth: { role: 'support' },
  query: z.strictObject({
    ...pageQuery,
    email: z.string().min(1).max(254).optional(),
    user_id: z.uuid().optional(),
    status: z.enum(orderStatuses).optional(),
    payment_intent: z.string().min(1).max(255).optional(),
  }),
  example: { query: { status: 'paid' }, answer: { orders: [exampleOrder], next_cursor: null } },
  responses: { 200: z.strictObject({ orders: z.array(adminOrderSchema), next_cursor: nextCursorSchema }) },
  errors: [],
});

export const getOrder = defineRoute({
  operationId: 'adminGetOrder',
  method: 'get',
  path: '/api/admin/orders/{id}',
  summary: 'See an order and its history',
  tag: 'Staff',
  auth: { role: 'support' },
  params: idParams,
  example: { params: { id: exampleOrderId }, answer: { order: exampleOrder, history: [] } },
  responses: { 200: z.strictObject({ order: adminOrderSchema, history: z.array(auditEntrySchema) }) },
  errors: ['order_not_found'],
});

export const refundOrder = defineRoute({
  operationId: 'adminRefundOrder',
  method: 'post',
  path: '/api/admin/orders/{id}/refunds',
  summary: 'Give money back',
  description:
    'All that is left, or `amount_minor` of it. The provider is asked afterwards; the order shows its answer.',
  tag: 'Staff',
  auth: { role: 'admin' },
  params: idParams,
  headers: {
    'Idempotency-Key': {
      description: 'The same key and body within a day get the same refund instead of a second one.',
      example: '"9d5a3c1e-70f8-4f5b-8d3c-2f4b6a1c0e7d"',
    },
  },
  body: z.strictObject({ amount_minor: z.int().positive().optional(), reason: reasonSchema }),
  example: {
    params: { id: exampleOrderId },
    body: { amount_minor: 5_000, reason: 'late delivery' },
    answer: { refund_request_id: 'b1f7e1d4-0d0e-4b57-8c8b-5f5b0a2f7c11', amount_minor: 5_000 },
  },
  responses: { 202: z.strictObject({ refund_request_id: z.uuid(), amount_minor: amountMinorSchema }) },
  errors: [
    'order_not_found',
    'refund_not_possible',
    'feature_disabled',
    'idempotency_key_reused',
    'idempotency_in_progress',
  ],
});

export const adminPurchaseSchema = z.strictObject({ ...purchaseSchema.shape, user_id: z.uuid() });
export type AdminPurchaseView = z.infer<typeof adminPurchaseSchema>;

const purchaseId = '0b9e9f0e-54f1-4a39-9d4e-0a4b7d2f7c11';

export const listAllPurchases = defineRoute({
  operationId: 'adminListPurchases',
  method: 'get',
  path: '/api/admin/purchases',
  summary: 'Find bought data plans',
  description: 'Newest first. All that is given must fit.',
  tag: 'Staff',
  auth: { role: 'support' },
  query: z.strictObject({
    ...pageQuery,
    user_id: z.uuid().optional(),
    device_id: z.string().min(1).max(128).optional(),
    status: z.enum(purchaseStatuses).optional(),
  }),
  example: {
    query: { status: 'active' },
    answer: {
      purchases: [
        {
          purchase_id: purchaseId,
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
          user_id: exampleUserId,
        },
      ],
      next_cursor: null,
    },
  },
  responses: {
    200: z.strictObject({ purchases: z.array(adminPurchaseSchema), next_cursor: nextCursorSchema }),
  },
  errors: [],
});

export const retryPurchase = defineRoute({
  operationId: 'adminRetryPurchase',
  method: 'post',
  path: '/api/admin/purchases/{id}/retry',
  summary: 'Have a bought data plan ordered, or asked for, again',
  description: 'What is not ordered yet is ordered; of what is, the carrier is asked how it stands.',
  tag: 'Staff',
  auth: { role: 'support' },
  params: idParams,
  body: z.strictObject({ reason: reasonSchema }),
  example: { params: { id: purchaseId }, body: { reason: 'customer waits' }, answer: { queued: true } },
  responses: { 202: z.strictObject({ queued: z.literal(true) }) },
  errors: ['purchase_not_found'],
});

export const refundPurchase = defineRoute({
  operationId: 'adminRefundPurchase',
  method: 'post',
  path: '/api/admin/purchases/{id}/refund',
  summary: 'Cancel a bought data plan and give the money back',
  description: 'The order is cancelled at the carrier and all that is left of the payment goes back.',
  tag: 'Staff',
  auth: { role: 'admin' },
  params: idParams,
  body: z.strictObject({ reason: reasonSchema }),
  example: { params: { id: purchaseId }, body: { reason: 'no coverage there' }, answer: { queued: true } },
  responses: { 202: z.strictObject({ queued: z.literal(true) }) },
  errors: ['purchase_not_found', 'refund_not_possible'],
});
