import { z } from 'zod';

/** What purchases set off after their commit; keyed by purchase, so in order for each. */
export const dataPlanOrderTopic = 'data_plan.order';
export const dataPlanRefreshTopic = 'data_plan.refresh';

export const orderPayloadSchema = z.strictObject({ purchase_id: z.uuid() });
export type OrderPayload = z.infer<typeof orderPayloadSchema>;

export const refreshPayloadSchema = z.strictObject({
  purchase_id: z.uuid(),
  /** The carrier said that it paid the package back: an order that is done was refunded then, not used up. */
  refunded: z.boolean(),
});
export type RefreshPayload = z.infer<typeof refreshPayloadSchema>;

/** The key of all messages of a purchase in the outbox. */
export function outboxKeyOf(purchaseId: string): string {
  return `data-plan:${purchaseId}`;
}
