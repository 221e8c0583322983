import * as z from 'zod';
import {
  exampleOrderId,
  exampleUserId,
  idParams,
  lineSchema,
  onceErrors,
  onceHeader,
  reasonSchema,
} from './admin-common.ts';
import { auditEntrySchema } from './admin-operations.ts';
import { nextCursorSchema, pageQuery } from './paging.ts';
import { defineRoute } from './route.ts';
import {
  amountMinorSchema,
  catalogProductSchema,
  currencySchema,
  orderSchema,
  orderStatuses,
  slugSchema,
} from './store.ts';

const variantSchema = z.strictObject({
  sku: z.string(),
  name: z.string(),
  price_minor: amountMinorSchema,
  currency: currencySchema,
  stock: z.int().nonnegative().describe('In the warehouse, those of open orders included.'),
  reserved: z.int().nonnegative().describe('Held by open orders.'),
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
  params: z.strictObject({ slug: slugSchema }),
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
  headers: onceHeader,
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
  errors: ['product_not_found', 'out_of_stock', ...onceErrors],
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
    email: lineSchema(254).optional(),
    user_id: z.uuid().optional(),
    status: z.enum(orderStatuses).optional(),
    payment_intent: lineSchema(255).optional(),
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
  headers: onceHeader,
  body: z.strictObject({ amount_minor: z.int().positive().optional(), reason: reasonSchema }),
  example: {
    params: { id: exampleOrderId },
    body: { amount_minor: 5_000, reason: 'late delivery' },
    answer: { refund_request_id: 'b1f7e1d4-0d0e-4b57-8c8b-5f5b0a2f7c11', amount_minor: 5_000 },
  },
  responses: { 202: z.strictObject({ refund_request_id: z.uuid(), amount_minor: amountMinorSchema }) },
  errors: ['order_not_found', 'refund_not_possible', 'feature_disabled', ...onceErrors],
});

export const noteOnOrder = defineRoute({
  operationId: 'adminNoteOnOrder',
  method: 'post',
  path: '/api/admin/orders/{id}/notes',
  summary: 'Write a note into the history of an order',
  description: 'It stays there for good, so it is no place for personal data.',
  tag: 'Staff',
  auth: { role: 'support' },
  params: idParams,
  headers: onceHeader,
  body: z.strictObject({ text: lineSchema(1_000) }),
  example: {
    params: { id: exampleOrderId },
    body: { text: 'The parcel came back; sent again on Monday.' },
    answer: { noted: true },
  },
  responses: { 201: z.strictObject({ noted: z.literal(true) }) },
  errors: ['order_not_found', ...onceErrors],
});
