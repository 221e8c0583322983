import { randomUUID } from 'node:crypto';
import type { ErrorCode } from '@aovis/contracts/error-codes';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { enqueue } from '../../outbox/outbox.ts';
import type { Actor } from '../audit/audit-entry.ts';
import { record } from '../audit/audit-log.ts';
import { releaseStock, reserveStock, type SoldVariant, type StockLine } from '../catalog/stock.ts';
import type { Order } from './order.ts';
import { expireTopic, type OrderOutboxPayload } from './order-messages.ts';
import { KnexOrderRepository } from './order-repository.ts';
import type { PaymentProvider } from './payment-port.ts';

export interface CheckoutDependencies {
  db: Database;
  clock: Clock;
  /** Undefined while the shop is not configured. */
  payments: PaymentProvider | undefined;
}

export interface CheckoutAsked {
  items: readonly StockLine[];
  /** Undefined: a guest. */
  userId: string | undefined;
  requestId: string;
}

/** Stripe lets a session live 30 minutes at least, counted from when it takes the request. */
export const checkoutTtlMs = 35 * 60_000;
/** The session must be over at the provider before we look. */
const expiryGraceMs = 60_000;

/** A refusal is a result, not an error: its audit row must be committed. */
type Placed =
  | { order: Order }
  | { refusal: ErrorCode; details: Readonly<Record<string, unknown>> | undefined };

const refusals = { unknown: 'product_not_found', out_of_stock: 'out_of_stock' } as const;

/** Takes orders and opens the page to pay them on. */
export class CheckoutService {
  readonly #dependencies: CheckoutDependencies;

  constructor(dependencies: CheckoutDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * The order is stored before the provider hears of it, so that no payment is without one. When the provider fails,
   * the order is over at once: nobody ever saw its page.
   * @throws AppError product_not_found, out_of_stock, mixed_currencies, feature_disabled, payment_provider_unavailable
   */
  async checkout(asked: CheckoutAsked): Promise<{ orderId: string; url: string; expiresAt: Date }> {
    const { db, payments } = this.#dependencies;
    if (payments === undefined) throw new AppError('feature_disabled');
    const placed = await transaction(db, (trx) => this.#place(trx, asked));
    if ('refusal' in placed)
      throw new AppError(placed.refusal, placed.details === undefined ? {} : { details: placed.details });
    const { order } = placed;
    const { id: orderId, userId, currency, items, expiresAt } = order;
    try {
      const session = await payments.openCheckout({ orderId, userId, currency, items, expiresAt });
      await new KnexOrderRepository(db).storeSession(orderId, session.sessionId);
      return { orderId, url: session.url, expiresAt };
    } catch (error) {
      await this.#end(orderId, asked.requestId);
      throw error;
    }
  }

  async #place(trx: Database, { items, userId, requestId }: CheckoutAsked): Promise<Placed> {
    const actor: Actor = userId === undefined ? { kind: 'anonymous' } : { kind: 'user', id: userId };
    const refuse = async (refusal: ErrorCode, details?: Record<string, unknown>): Promise<Placed> => {
      await record(trx, {
        action: 'order.place',
        actor,
        subject: { kind: 'order' },
        outcome: 'refused',
        details: { code: refusal },
        requestId,
      });
      return { refusal, details };
    };
    const reservation = await reserveStock(trx, items);
    if (reservation.kind !== 'reserved')
      return refuse(refusals[reservation.kind], { variant_ids: reservation.variantIds });
    const order = this.#draft(userId, items, reservation.variants);
    if (reservation.variants.some(({ currency }) => currency !== order.currency)) {
      await releaseStock(trx, items);
      return refuse('mixed_currencies');
    }
    await new KnexOrderRepository(trx).insert(order);
    const payload: OrderOutboxPayload = { order_id: order.id };
    const delayMs = checkoutTtlMs + expiryGraceMs;
    await enqueue(trx, { topic: expireTopic, key: `order:${order.id}:expire`, payload, requestId, delayMs });
    const { id, totalMinor, currency } = order;
    await record(trx, {
      action: 'order.place',
      actor,
      subject: { kind: 'order', id },
      outcome: 'ok',
      details: { total_minor: totalMinor, currency },
      requestId,
    });
    return { order };
  }

  #draft(userId: string | undefined, lines: readonly StockLine[], variants: readonly SoldVariant[]): Order {
    const items = variants.map(({ variantId, sku, name, priceMinor }) => ({
      variantId,
      sku,
      name,
      unitPriceMinor: priceMinor,
      quantity: lines.find((line) => line.variantId === variantId)?.quantity ?? 0,
    }));
    const now = this.#dependencies.clock.now();
    return {
      id: randomUUID(),
      userId,
      status: 'pending',
      currency: variants[0]?.currency ?? '',
      totalMinor: items.reduce((total, item) => total + item.unitPriceMinor * item.quantity, 0),
      refundedMinor: 0,
      dispute: undefined,
      sessionId: undefined,
      paymentIntent: undefined,
      email: undefined,
      // The provider counts in whole seconds.
      expiresAt: new Date(Math.floor((now.getTime() + checkoutTtlMs) / 1_000) * 1_000),
      createdAt: now,
      paidAt: undefined,
      items,
    };
  }

  /**
   * Gives the pieces of an order back that nobody paid in time. May run more than once.
   * @throws Error while the provider knows of a payment that it has not reported yet
   */
  async expire(orderId: string, requestId: string | undefined): Promise<void> {
    const { db, payments } = this.#dependencies;
    const order = await new KnexOrderRepository(db).find(orderId);
    if (order?.status !== 'pending') return;
    if (order.sessionId !== undefined) {
      if (payments === undefined) throw new AppError('feature_disabled');
      const closing = await payments.closeCheckout(order.sessionId);
      if (closing === 'completed')
        throw new Error(`the checkout of order ${orderId} is completed, but its webhook has not come`);
    }
    await this.#end(orderId, requestId);
  }

  async #end(orderId: string, requestId: string | undefined): Promise<void> {
    await transaction(this.#dependencies.db, async (trx) => {
      const orders = new KnexOrderRepository(trx);
      const order = await orders.lock(orderId);
      if (order?.status !== 'pending') return;
      await releaseStock(trx, order.items);
      await orders.storeStatus(orderId, 'expired');
      await record(trx, {
        action: 'order.expire',
        actor: { kind: 'system' },
        subject: { kind: 'order', id: orderId },
        outcome: 'ok',
        details: {},
        requestId,
      });
    });
  }
}
