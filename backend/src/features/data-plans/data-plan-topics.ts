import { z } from 'zod';

/** What purchases set off after their commit; keyed by purchase, so in order for each. */
export const dataPlanOrderTopic = 'data_plan.order';
export const dataPlanRefreshTopic = 'data_plan.refresh';
export const dataPlanSettleTopic = 'data_plan.settle';

export const orderPayloadSchema = z.strictObject({ purchase_id: z.uuid() });
export type OrderPayload = z.infer<typeof orderPayloadSchema>;

export const refreshPayloadSchema = z.strictObject({
  purchase_id: z.uuid(),
  /** The carrier said that it paid the package back: an order that is done was refunded then, not used up. */
  refunded: z.boolean(),
});
export type RefreshPayload = z.infer<typeof refreshPayloadSchema>;

export const settlePayloadSchema = z.strictObject({
  purchase_id: z.uuid(),
  /** False where the bank has taken the money back already. */
  refund_customer: z.boolean(),
});
export type SettlePayload = z.infer<typeof settlePayloadSchema>;

/** The key of all messages of a purchase in the outbox. */
export function outboxKeyOf(purchaseId: string): string {
  return `data-plan:${purchaseId}`;
}
