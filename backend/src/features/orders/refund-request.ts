import { randomUUID } from 'node:crypto';
import type { Database } from '../../db/database.ts';
import { enqueue } from '../../outbox/outbox.ts';
import { type RefundOutboxPayload, refundTopic } from './order-messages.ts';
import { KnexOrderRepository } from './order-repository.ts';

export interface NewRefund {
  orderId: string;
  /** Locked. */
  paymentIntent: string;
  amountMinor: number;
  reason: string;
  requestId: string | undefined;
  now: Date;
}

/** Notes that money is to go back; the outbox asks the provider after the commit. Returns the refund's request id. */
export async function requestRefund(trx: Database, refund: NewRefund): Promise<string> {
  const { orderId, paymentIntent, amountMinor, reason, now } = refund;
  const id = randomUUID();
  const row = { paymentIntent, requestId: id, refundId: undefined, amountMinor, reason };
  await new KnexOrderRepository(trx).noteRefund({ ...row, status: 'requested' }, now);
  const payload: RefundOutboxPayload = { order_id: orderId, refund_request_id: id };
  await enqueue(trx, {
    topic: refundTopic,
    key: `order:${orderId}:refund`,
    payload,
    requestId: refund.requestId,
  });
  return id;
}
