import type { OrderView } from '@aovis/contracts/http/store';
import type { CheckoutEvent, DisputeStatus } from '../webhooks/payment-event.ts';

/**
 * How far the money has come; only ever forward. `pending` and `processing` hold their pieces, `failed` and `expired`
 * gave them back, `paid` has them. What was refunded or disputed later stands beside it.
 */
export type OrderStatus = 'pending' | 'processing' | 'failed' | 'expired' | 'paid';

export interface OrderItem {
  variantId: string;
  sku: string;
  name: string;
  unitPriceMinor: number;
  quantity: number;
}

export interface Order {
  id: string;
  /** Undefined: a guest's. */
  userId: string | undefined;
  status: OrderStatus;
  currency: string;
  totalMinor: number;
  refundedMinor: number;
  dispute: DisputeStatus | undefined;
  sessionId: string | undefined;
  paymentIntent: string | undefined;
  email: string | undefined;
  /** Until then the pieces are held. */
  expiresAt: Date;
  createdAt: Date;
  paidAt: Date | undefined;
  items: readonly OrderItem[];
}

/** What happens to the pieces: `sell` those that are held; `sell_late` pieces that were given back meanwhile. */
export type StockMove = 'keep' | 'sell' | 'sell_late' | 'release';

const rank: Record<OrderStatus, number> = { pending: 0, processing: 1, failed: 2, expired: 2, paid: 3 };

/** Where an event of its checkout moves an order; undefined when it says nothing new. */
export function moveOrder(
  from: OrderStatus,
  outcome: CheckoutEvent['outcome'],
): { to: OrderStatus; stock: StockMove } | undefined {
  // Its session was completed: it cannot expire any more, whatever was sent before.
  if (from === 'processing' && outcome === 'expired') return undefined;
  if (rank[outcome] <= rank[from]) return undefined;
  if (outcome === 'processing') return { to: outcome, stock: 'keep' };
  if (outcome !== 'paid') return { to: outcome, stock: 'release' };
  return { to: 'paid', stock: rank[from] < rank.expired ? 'sell' : 'sell_late' };
}

/** What is known of a payment beside that it was made. */
export interface PaymentFacts {
  /** The sum that the provider named last for the whole charge. */
  chargeRefundedMinor: number;
  refunds: readonly { amountMinor: number; status: RefundStatus }[];
  disputes: readonly DisputeStatus[];
}

/** `requested`: decided by us, not yet taken by the provider. */
export type RefundStatus = 'requested' | 'pending' | 'succeeded' | 'failed';

const refundRank: Record<RefundStatus, number> = { requested: 0, pending: 1, succeeded: 2, failed: 3 };
const disputeRank: Record<DisputeStatus, number> = { open: 0, lost: 1, won: 2 };

/** News may come in any order: a later state is not overwritten by an earlier one. A bank may fail a refund after all. */
export function laterRefund(a: RefundStatus, b: RefundStatus): RefundStatus {
  return refundRank[a] >= refundRank[b] ? a : b;
}

/** A lost dispute may still be won by an appeal. */
export function laterDispute(a: DisputeStatus, b: DisputeStatus): DisputeStatus {
  return disputeRank[a] >= disputeRank[b] ? a : b;
}

/**
 * What went back to the customer. Each refund reports itself; the charge's sum covers those that did not. That sum may
 * still contain refunds that failed since.
 */
export function refundedMinor({ refunds, chargeRefundedMinor }: PaymentFacts, totalMinor: number): number {
  const live = sum(refunds.filter(({ status }) => status === 'pending' || status === 'succeeded'));
  const failed = sum(refunds.filter(({ status }) => status === 'failed'));
  return Math.min(totalMinor, Math.max(live, chargeRefundedMinor - failed));
}

/** What could still be refunded, those counted in that were only decided yet. */
export function refundableMinor(facts: PaymentFacts, totalMinor: number): number {
  const requested = sum(facts.refunds.filter(({ status }) => status === 'requested'));
  return Math.max(0, totalMinor - refundedMinor(facts, totalMinor) - requested);
}

/** One open dispute is enough; else a lost one. */
export function disputeOf({ disputes }: PaymentFacts): DisputeStatus | undefined {
  return (['open', 'lost', 'won'] as const).find((status) => disputes.includes(status));
}

function sum(refunds: readonly { amountMinor: number }[]): number {
  return refunds.reduce((total, { amountMinor }) => total + amountMinor, 0);
}

/** What a success page may say to anybody. */
export function publicStatusOf(status: OrderStatus): 'paid' | 'processing' | 'failed' {
  if (status === 'paid') return 'paid';
  return status === 'failed' || status === 'expired' ? 'failed' : 'processing';
}

/** An order as its owner sees it. */
export function toOrderView(order: Order): OrderView {
  return {
    id: order.id,
    status: statusInWords(order),
    currency: order.currency,
    total_minor: order.totalMinor,
    refunded_minor: order.refundedMinor,
    created_at: order.createdAt.toISOString(),
    paid_at: order.paidAt?.toISOString() ?? null,
    items: order.items.map(({ sku, name, unitPriceMinor, quantity }) => ({
      sku,
      name,
      unit_price_minor: unitPriceMinor,
      quantity,
    })),
  };
}

function statusInWords({ status, refundedMinor: refunded, totalMinor }: Order): OrderView['status'] {
  if (status !== 'paid' || refunded === 0) return status;
  return refunded < totalMinor ? 'partially_refunded' : 'refunded';
}
