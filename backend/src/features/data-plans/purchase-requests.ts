import type { Database } from '../../db/database.ts';
import { AppError } from '../../kernel/errors.ts';
import { enqueue } from '../../outbox/outbox.ts';
import {
  dataPlanRefreshTopic,
  dataPlanSettleTopic,
  outboxKeyOf,
  type RefreshPayload,
  type SettlePayload,
} from './data-plan-topics.ts';
import type { Purchase } from './purchase.ts';
import { KnexPurchaseRepository } from './purchase-repository.ts';
import { mayOrder } from './purchase-rules.ts';
import { enqueueOrder } from './purchase-transitions.ts';

/** Has it ordered, or asks the carrier how it stands. @throws AppError purchase_not_found */
export async function askAgain(trx: Database, id: string, requestId: string): Promise<void> {
  const purchase = await get(trx, id);
  if (mayOrder(purchase.status)) return enqueueOrder(trx, id, requestId);
  const payload: RefreshPayload = { purchase_id: id, refunded: false };
  await enqueue(trx, { topic: dataPlanRefreshTopic, key: outboxKeyOf(id), payload, requestId });
}

/**
 * Cancels it at the carrier and pays back what is left of its payment. The purchase moves on when the payment provider
 * reports the refund. @throws AppError purchase_not_found; refund_not_possible when nothing was paid or nothing is left
 */
export async function payBack(trx: Database, id: string, requestId: string): Promise<void> {
  const { paidAt, priceMinor, refundedMinor } = await get(trx, id);
  const refundable = paidAt === undefined ? 0 : priceMinor - refundedMinor;
  if (refundable <= 0) throw new AppError('refund_not_possible', { details: { refundable_minor: 0 } });
  const payload: SettlePayload = { purchase_id: id, refund_customer: true };
  // A key of its own: the money does not wait behind an order that the carrier keeps failing. Should that order come
  // through after all, it is cancelled once the refund is reported.
  await enqueue(trx, { topic: dataPlanSettleTopic, key: `${outboxKeyOf(id)}:refund`, payload, requestId });
}

async function get(trx: Database, id: string): Promise<Purchase> {
  const purchase = await new KnexPurchaseRepository(trx).lock({ id });
  if (purchase === undefined) throw new AppError('purchase_not_found');
  return purchase;
}
