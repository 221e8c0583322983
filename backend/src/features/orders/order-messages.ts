import * as z from 'zod';

/** Intents of orders, carried out by `order-outbox.ts`. */
export const expireTopic = 'order.expire';
export const confirmTopic = 'order.confirm';
export const refundTopic = 'order.refund';

export const orderPayloadSchema = z.strictObject({ order_id: z.uuid() });
export type OrderOutboxPayload = z.infer<typeof orderPayloadSchema>;

export const refundPayloadSchema = z.strictObject({ order_id: z.uuid(), refund_request_id: z.uuid() });
export type RefundOutboxPayload = z.infer<typeof refundPayloadSchema>;
