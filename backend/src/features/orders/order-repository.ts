import type { Database } from '../../db/database.ts';
import type { Position } from '../../kernel/cursor.ts';
import type { DisputeStatus } from '../webhooks/payment-event.ts';
import {
  laterDispute,
  laterRefund,
  type Order,
  type OrderItem,
  type OrderStatus,
  type PaymentFacts,
  type RefundStatus,
} from './order.ts';

/** What a checkout that was paid for tells of the order. */
export interface Payment {
  status: OrderStatus;
  sessionId: string;
  paymentIntent: string | undefined;
  email: string | undefined;
  shipping: Readonly<Record<string, unknown>> | undefined;
  paidAt: Date | undefined;
}

/** A refund: one that we asked for (`requestId`), one that the provider knows (`refundId`), in the end both. */
export interface Refund {
  paymentIntent: string;
  requestId: string | undefined;
  refundId: string | undefined;
  amountMinor: number;
  status: RefundStatus;
  reason?: string | undefined;
}

/** Orders and what is known of their payments. Whoever locks both locks the payment first. */
export interface OrderRepository {
  insert(order: Order): Promise<void>;
  find(id: string): Promise<Order | undefined>;
  findBySession(sessionId: string): Promise<Order | undefined>;
  findByPayment(paymentIntent: string): Promise<Order | undefined>;
  /** Undefined for somebody else's and for a guest's. */
  findOwned(userId: string, id: string): Promise<Order | undefined>;
  /** Newest first, those older than `after`. */
  listOwned(userId: string, page: { after: Position | undefined; limit: number }): Promise<Order[]>;
  /** Until the transaction ends. */
  lock(id: string): Promise<Order | undefined>;
  /** Makes the payment known if it was not, and locks it until the transaction ends. */
  lockPayment(paymentIntent: string): Promise<void>;
  storeSession(id: string, sessionId: string): Promise<void>;
  storeStatus(id: string, status: OrderStatus): Promise<void>;
  storePayment(id: string, payment: Payment): Promise<void>;
  storeRefunded(
    id: string,
    state: { refundedMinor: number; dispute: DisputeStatus | undefined },
  ): Promise<void>;
  /** Of a payment that is locked. */
  readFacts(paymentIntent: string): Promise<PaymentFacts>;
  /** Stores it, or moves the one that has the same request or refund id forward. */
  noteRefund(refund: Refund, now: Date): Promise<void>;
  findRefundRequest(requestId: string): Promise<Refund | undefined>;
  /** The newest sum counts; of two of the same second the larger. */
  noteChargeRefunded(paymentIntent: string, amountMinor: number, at: Date): Promise<void>;
  noteDispute(paymentIntent: string, disputeId: string, status: DisputeStatus): Promise<void>;
}

interface OrderRow {
  id: string;
  user_id: string | null;
  status: OrderStatus;
  currency: string;
  total_minor: number;
  refunded_minor: number;
  dispute: DisputeStatus | null;
  stripe_session_id: string | null;
  payment_intent: string | null;
  email: string | null;
  expires_at: Date;
  created_at: Date;
  paid_at: Date | null;
}

interface ItemRow {
  order_id: string;
  variant_id: string;
  sku: string;
  name: string;
  unit_price_minor: number;
  quantity: number;
}

interface RefundRow {
  id: string;
  payment_intent: string;
  request_id: string | null;
  refund_id: string | null;
  amount_minor: number;
  status: RefundStatus;
  reason: string | null;
}

export class KnexOrderRepository implements OrderRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async insert(order: Order): Promise<void> {
    await this.#db('orders').insert({
      id: order.id,
      user_id: order.userId ?? null,
      status: order.status,
      currency: order.currency,
      total_minor: order.totalMinor,
      expires_at: order.expiresAt,
      created_at: order.createdAt,
    });
    await this.#db('order_items').insert(order.items.map((item) => toItemRow(order.id, item)));
  }

  async find(id: string): Promise<Order | undefined> {
    return this.#one({ id });
  }

  async findBySession(sessionId: string): Promise<Order | undefined> {
    return this.#one({ stripe_session_id: sessionId });
  }

  async findByPayment(paymentIntent: string): Promise<Order | undefined> {
    return this.#one({ payment_intent: paymentIntent });
  }

  async findOwned(userId: string, id: string): Promise<Order | undefined> {
    return this.#one({ id, user_id: userId });
  }

  async listOwned(
    userId: string,
    { after, limit }: { after: Position | undefined; limit: number },
  ): Promise<Order[]> {
    const query = this.#db<OrderRow>('orders')
      .where({ user_id: userId })
      .orderBy([
        { column: 'created_at', order: 'desc' },
        { column: 'id', order: 'desc' },
      ])
      .limit(limit);
    if (after) query.whereRaw('(created_at, id) < (?, ?)', [after.at, after.key]);
    return this.#withItems(await query);
  }

  async lock(id: string): Promise<Order | undefined> {
    await this.#db('orders').where({ id }).forUpdate().select('id');
    return this.find(id);
  }

  async lockPayment(paymentIntent: string): Promise<void> {
    const row = { payment_intent: paymentIntent };
    await this.#db('order_payments').insert(row).onConflict('payment_intent').ignore();
    await this.#db('order_payments').where(row).forUpdate().select('payment_intent');
  }

  async storeSession(id: string, sessionId: string): Promise<void> {
    await this.#db('orders').where({ id }).update({ stripe_session_id: sessionId });
  }

  async storeStatus(id: string, status: OrderStatus): Promise<void> {
    await this.#db('orders').where({ id }).update({ status });
  }

  async storePayment(id: string, payment: Payment): Promise<void> {
    const { status, sessionId, paymentIntent, email, shipping, paidAt } = payment;
    await this.#db('orders')
      .where({ id })
      .update({
        status,
        stripe_session_id: sessionId,
        payment_intent: paymentIntent ?? null,
        email: email ?? null,
        shipping: shipping === undefined ? null : JSON.stringify(shipping),
        paid_at: paidAt ?? null,
      });
  }

  async storeRefunded(
    id: string,
    state: { refundedMinor: number; dispute: DisputeStatus | undefined },
  ): Promise<void> {
    await this.#db('orders')
      .where({ id })
      .update({ refunded_minor: state.refundedMinor, dispute: state.dispute ?? null });
  }

  async readFacts(paymentIntent: string): Promise<PaymentFacts> {
    const of = { payment_intent: paymentIntent };
    const payment = await this.#db('order_payments')
      .where(of)
      .first<{ charge_refunded_minor: number } | undefined>('charge_refunded_minor');
    const refunds = await this.#db<RefundRow>('order_refunds').where(of).orderBy('id');
    const disputes = await this.#db('order_disputes')
      .where(of)
      .orderBy('dispute_id')
      .pluck<DisputeStatus[]>('status');
    return {
      chargeRefundedMinor: payment?.charge_refunded_minor ?? 0,
      refunds: refunds.map(({ amount_minor, status }) => ({ amountMinor: amount_minor, status })),
      disputes,
    };
  }

  async noteRefund(refund: Refund, now: Date): Promise<void> {
    const { paymentIntent, requestId, refundId, amountMinor, status, reason } = refund;
    const known = await this.#findRefund(refund);
    if (known === undefined) {
      await this.#db('order_refunds').insert({
        payment_intent: paymentIntent,
        request_id: requestId ?? null,
        refund_id: refundId ?? null,
        amount_minor: amountMinor,
        status,
        reason: reason ?? null,
        created_at: now,
      });
      return;
    }
    await this.#db('order_refunds')
      .where({ id: known.id })
      .update({ refund_id: refundId ?? known.refund_id, status: laterRefund(known.status, status) });
  }

  async findRefundRequest(requestId: string): Promise<Refund | undefined> {
    const row = await this.#db<RefundRow>('order_refunds').where({ request_id: requestId }).first();
    return row && toRefund(row);
  }

  async noteChargeRefunded(paymentIntent: string, amountMinor: number, at: Date): Promise<void> {
    await this.#db('order_payments')
      .where({ payment_intent: paymentIntent })
      .whereRaw(
        '(charge_refunded_at IS NULL OR (charge_refunded_at, charge_refunded_minor) < (?::timestamptz, ?::integer))',
        [at, amountMinor],
      )
      .update({ charge_refunded_minor: amountMinor, charge_refunded_at: at });
  }

  async noteDispute(paymentIntent: string, disputeId: string, status: DisputeStatus): Promise<void> {
    const known = await this.#db('order_disputes')
      .where({ dispute_id: disputeId })
      .first<{ status: DisputeStatus } | undefined>('status');
    const row = {
      dispute_id: disputeId,
      payment_intent: paymentIntent,
      status: known === undefined ? status : laterDispute(known.status, status),
    };
    await this.#db('order_disputes').insert(row).onConflict('dispute_id').merge(['status']);
  }

  async #findRefund({ requestId, refundId }: Refund): Promise<RefundRow | undefined> {
    return this.#db<RefundRow>('order_refunds')
      .where((either) => {
        if (requestId !== undefined) either.orWhere({ request_id: requestId });
        if (refundId !== undefined) either.orWhere({ refund_id: refundId });
      })
      .first();
  }

  async #one(where: Partial<OrderRow>): Promise<Order | undefined> {
    const rows = await this.#db<OrderRow>('orders').where(where);
    return (await this.#withItems(rows))[0];
  }

  async #withItems(rows: readonly OrderRow[]): Promise<Order[]> {
    const items = await this.#db<ItemRow>('order_items')
      .whereIn(
        'order_id',
        rows.map(({ id }) => id),
      )
      .orderBy('sku');
    return rows.map((row) => toOrder(row, items.filter(({ order_id }) => order_id === row.id).map(toItem)));
  }
}

function toItemRow(orderId: string, item: OrderItem): ItemRow {
  return {
    order_id: orderId,
    variant_id: item.variantId,
    sku: item.sku,
    name: item.name,
    unit_price_minor: item.unitPriceMinor,
    quantity: item.quantity,
  };
}

function toItem(row: ItemRow): OrderItem {
  return {
    variantId: row.variant_id,
    sku: row.sku,
    name: row.name,
    unitPriceMinor: row.unit_price_minor,
    quantity: row.quantity,
  };
}

function toOrder(row: OrderRow, items: OrderItem[]): Order {
  return {
    id: row.id,
    userId: row.user_id ?? undefined,
    status: row.status,
    currency: row.currency,
    totalMinor: row.total_minor,
    refundedMinor: row.refunded_minor,
    dispute: row.dispute ?? undefined,
    sessionId: row.stripe_session_id ?? undefined,
    paymentIntent: row.payment_intent ?? undefined,
    email: row.email ?? undefined,
    expiresAt: row.expires_at,
    createdAt: row.created_at,
    paidAt: row.paid_at ?? undefined,
    items,
  };
}

function toRefund(row: RefundRow): Refund {
  return {
    paymentIntent: row.payment_intent,
    requestId: row.request_id ?? undefined,
    refundId: row.refund_id ?? undefined,
    amountMinor: row.amount_minor,
    status: row.status,
    reason: row.reason ?? undefined,
  };
}
