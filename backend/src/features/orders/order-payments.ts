import * as z from 'zod';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import { enqueue } from '../../outbox/outbox.ts';
import type { AuditEntry } from '../audit/audit-entry.ts';
import { record } from '../audit/audit-log.ts';
import { releaseStock, sellReserved, sellUnreserved } from '../catalog/stock.ts';
import type { CheckoutEvent, PaymentEvent } from '../webhooks/payment-event.ts';
import type { Applied } from '../webhooks/signed-webhook-service.ts';
import { disputeOf, moveOrder, type Order, refundedMinor, type StockMove } from './order.ts';
import { confirmTopic, type OrderOutboxPayload } from './order-messages.ts';
import { KnexOrderRepository } from './order-repository.ts';
import { requestRefund } from './refund-request.ts';

/** What we write to sessions and refunds; news that carry another type belong to another endpoint. */
export const orderMetadataType = 'order';

export interface PaymentContext {
  clock: Clock;
  log: Logger;
  requestId: string | undefined;
}

/**
 * Applies what the payment provider says to the order it concerns, in the transaction that noted the event. Any order
 * of events ends in the same state: an order only moves forward, and what is known of its payment is kept even before
 * the order is known to be paid.
 */
export async function applyPaymentEvent(
  trx: Database,
  event: PaymentEvent,
  context: PaymentContext,
): Promise<Applied> {
  if (event.kind === 'checkout') return applyCheckout(trx, event, context);
  if ('metadata' in event && (event.metadata.type ?? orderMetadataType) !== orderMetadataType)
    return 'ignored';
  const orders = new KnexOrderRepository(trx);
  await orders.lockPayment(event.paymentIntent);
  switch (event.kind) {
    case 'refund': {
      const { paymentIntent, refundId, amountMinor, status, metadata } = event;
      const requestId = z.uuid().safeParse(metadata.refund_request_id).data;
      const refund = { paymentIntent, requestId, refundId, amountMinor, status };
      await orders.noteRefund(refund, context.clock.now());
      break;
    }
    case 'refunded_total':
      await orders.noteChargeRefunded(event.paymentIntent, event.amountMinor, event.at);
      break;
    case 'dispute':
      await orders.noteDispute(event.paymentIntent, event.disputeId, event.status);
      break;
  }
  const order = await orders.findByPayment(event.paymentIntent);
  // Unknown as yet: what was noted waits for the news that the order was paid.
  if (order !== undefined) await settle(trx, order.id, event.paymentIntent, context);
  return 'applied';
}

async function applyCheckout(trx: Database, event: CheckoutEvent, context: PaymentContext): Promise<Applied> {
  const orderId = z.uuid().safeParse(event.metadata.order_id).data;
  if (event.metadata.type !== orderMetadataType || orderId === undefined) return 'ignored';
  const orders = new KnexOrderRepository(trx);
  if (event.paymentIntent !== undefined) await orders.lockPayment(event.paymentIntent);
  const order = await orders.lock(orderId);
  if (order === undefined) return 'ignored';
  const problem = contradiction(order, event);
  if (problem !== undefined) {
    context.log.error({ orderId, problem }, 'a payment does not fit its order; look at it in the dashboard');
    await record(
      trx,
      auditOf(order, context, { action: 'order.pay', outcome: 'refused', details: { problem } }),
    );
    return 'ignored';
  }
  const move = moveOrder(order.status, event.outcome);
  if (move === undefined) return 'applied';
  const complete = await moveStock(trx, order, move.stock);
  await orders.storePayment(order.id, {
    status: move.to,
    sessionId: event.sessionId,
    paymentIntent: event.paymentIntent,
    email: event.email,
    shipping: event.shipping,
    paidAt: move.to === 'paid' ? context.clock.now() : undefined,
  });
  if (event.paymentIntent !== undefined) {
    if (!complete) await refundSoldOut(trx, order, event.paymentIntent, context);
    await settle(trx, order.id, event.paymentIntent, context);
  }
  if (move.to === 'paid' && complete) await confirm(trx, order, context);
  const action = actions[event.outcome];
  const details = { total_minor: order.totalMinor, currency: order.currency, in_stock: complete };
  await record(trx, auditOf(order, context, { action, outcome: 'ok', details }));
  return 'applied';
}

const actions: Record<CheckoutEvent['outcome'], string> = {
  paid: 'order.pay',
  processing: 'order.await_payment',
  failed: 'order.fail',
  expired: 'order.expire',
};

function contradiction(order: Order, event: CheckoutEvent): string | undefined {
  if (order.sessionId !== undefined && order.sessionId !== event.sessionId) return 'another_session';
  if (event.outcome !== 'paid') return undefined;
  if (event.currency !== order.currency || event.amountMinor !== order.totalMinor) return 'another_amount';
  return undefined;
}

/** False when the pieces of an order that was paid late are sold to others. */
async function moveStock(trx: Database, { items }: Order, move: StockMove): Promise<boolean> {
  if (move === 'sell') await sellReserved(trx, items);
  if (move === 'release') await releaseStock(trx, items);
  return move === 'sell_late' ? sellUnreserved(trx, items) : true;
}

async function refundSoldOut(
  trx: Database,
  order: Order,
  paymentIntent: string,
  { clock, requestId }: PaymentContext,
): Promise<void> {
  await requestRefund(trx, {
    orderId: order.id,
    paymentIntent,
    amountMinor: order.totalMinor,
    reason: 'sold_out',
    requestId,
    now: clock.now(),
  });
}

async function confirm(trx: Database, { id }: Order, { requestId }: PaymentContext): Promise<void> {
  const payload: OrderOutboxPayload = { order_id: id };
  await enqueue(trx, { topic: confirmTopic, key: `order:${id}`, payload, requestId });
}

/** Brings what the order shows of its refunds and disputes up to what is known of its payment, which is locked. */
export async function settle(
  trx: Database,
  orderId: string,
  paymentIntent: string,
  context: Pick<PaymentContext, 'requestId'>,
): Promise<void> {
  const orders = new KnexOrderRepository(trx);
  const order = await orders.lock(orderId);
  if (order === undefined) throw new Error(`the order ${orderId} vanished`);
  const facts = await orders.readFacts(paymentIntent);
  const refunded = refundedMinor(facts, order.totalMinor);
  const dispute = disputeOf(facts);
  if (refunded === order.refundedMinor && dispute === order.dispute) return;
  await orders.storeRefunded(orderId, { refundedMinor: refunded, dispute });
  const details = { refunded_minor: refunded, dispute: dispute ?? null };
  await record(trx, auditOf(order, context, { action: 'order.settle', outcome: 'ok', details }));
}

function auditOf(
  { id }: Order,
  { requestId }: Pick<PaymentContext, 'requestId'>,
  entry: Pick<AuditEntry, 'action' | 'outcome' | 'details'>,
): AuditEntry {
  return { ...entry, actor: { kind: 'system' }, subject: { kind: 'order', id }, requestId };
}
