import * as z from 'zod';
import { exampleUserId, idParams, lineSchema, reasonSchema } from './admin-common.ts';
import { auditEntrySchema } from './admin-operations.ts';
import { purchaseSchema, purchaseStatuses } from './data-plans.ts';
import { nextCursorSchema, pageQuery } from './paging.ts';
import { defineRoute } from './route.ts';

export const adminPurchaseSchema = z.strictObject({ ...purchaseSchema.shape, user_id: z.uuid() });
export type AdminPurchaseView = z.infer<typeof adminPurchaseSchema>;

const purchaseId = '0b9e9f0e-54f1-4a39-9d4e-0a4b7d2f7c11';
const examplePurchase: AdminPurchaseView = {
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
};

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
    device_id: lineSchema(128).optional(),
    status: z.enum(purchaseStatuses).optional(),
  }),
  example: {
    query: { status: 'active' },
    answer: { purchases: [examplePurchase], next_cursor: null },
  },
  responses: {
    200: z.strictObject({ purchases: z.array(adminPurchaseSchema), next_cursor: nextCursorSchema }),
  },
  errors: [],
});

export const getAnyPurchase = defineRoute({
  operationId: 'adminGetPurchase',
  method: 'get',
  path: '/api/admin/purchases/{id}',
  summary: 'See a bought data plan and its history',
  tag: 'Staff',
  auth: { role: 'support' },
  params: idParams,
  example: { params: { id: purchaseId }, answer: { purchase: examplePurchase, history: [] } },
  responses: { 200: z.strictObject({ purchase: adminPurchaseSchema, history: z.array(auditEntrySchema) }) },
  errors: ['purchase_not_found'],
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
