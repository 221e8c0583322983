import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Actor } from '../audit/audit-entry.ts';
import { record } from '../audit/audit-log.ts';
import { refundableMinor } from './order.ts';
import { settle } from './order-payments.ts';
import { KnexOrderRepository } from './order-repository.ts';
import type { PaymentProvider, RefundOutcome } from './payment-port.ts';
import { requestRefund } from './refund-request.ts';

export interface RefundDependencies {
  db: Database;
  clock: Clock;
  payments: PaymentProvider;
}

export interface RefundAsked {
  orderId: string;
  /** Undefined: all that is left. */
  amountMinor: number | undefined;
  /** One word for the audit log, e.g. `returned`. */
  reason: string;
  actor: Actor;
  requestId: string | undefined;
}

/** A decision that is committed with its audit row before it is thrown. */
type Decision = { refundRequestId: string; amountMinor: number } | { refundable: number };

/** Gives money back, all or part of it. */
export class RefundService {
  readonly #dependencies: RefundDependencies;

  constructor(dependencies: RefundDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Decides a refund; the provider is asked afterwards, and its answer shows on the order.
   * @throws AppError order_not_found, refund_not_possible with `refundable_minor`
   */
  async refund(asked: RefundAsked): Promise<{ refundRequestId: string; amountMinor: number }> {
    const decision = await transaction(this.#dependencies.db, (trx) => this.#decide(trx, asked));
    if ('refundRequestId' in decision) return decision;
    throw new AppError('refund_not_possible', { details: { refundable_minor: decision.refundable } });
  }

  async #decide(trx: Database, asked: RefundAsked): Promise<Decision> {
    const orders = new KnexOrderRepository(trx);
    const known = await orders.find(asked.orderId);
    if (known === undefined) throw new AppError('order_not_found');
    // A payment, once known, stays; it is locked before its order.
    const { paymentIntent } = known;
    if (paymentIntent === undefined) return this.#refuse(trx, asked, 0);
    await orders.lockPayment(paymentIntent);
    const order = await orders.lock(asked.orderId);
    const refundable =
      order?.status === 'paid' ? refundableMinor(await orders.readFacts(paymentIntent), order.totalMinor) : 0;
    const amountMinor = asked.amountMinor ?? refundable;
    if (amountMinor < 1 || amountMinor > refundable) return this.#refuse(trx, asked, refundable);
    const { orderId, reason, actor, requestId } = asked;
    const now = this.#dependencies.clock.now();
    const refundRequestId = await requestRefund(trx, {
      orderId,
      paymentIntent,
      amountMinor,
      reason,
      requestId,
      now,
    });
    await record(trx, {
      action: 'order.request_refund',
      actor,
      subject: { kind: 'order', id: orderId },
      outcome: 'ok',
      details: { refund_request_id: refundRequestId, amount_minor: amountMinor, reason },
      requestId,
    });
    return { refundRequestId, amountMinor };
  }

  async #refuse(trx: Database, asked: RefundAsked, refundable: number): Promise<Decision> {
    await record(trx, {
      action: 'order.request_refund',
      actor: asked.actor,
      subject: { kind: 'order', id: asked.orderId },
      outcome: 'refused',
      details: { amount_minor: asked.amountMinor ?? null, refundable_minor: refundable },
      requestId: asked.requestId,
    });
    return { refundable };
  }

  /** Carries a decided refund out. May run more than once. @throws AppError payment_provider_unavailable */
  async carryOut(
    { orderId, refundRequestId }: { orderId: string; refundRequestId: string },
    requestId: string | undefined,
  ): Promise<void> {
    const { db, payments } = this.#dependencies;
    const refund = await new KnexOrderRepository(db).findRefundRequest(refundRequestId);
    if (refund?.status !== 'requested') return;
    const { paymentIntent, amountMinor } = refund;
    const outcome = await payments.refund({
      requestId: refundRequestId,
      orderId,
      paymentIntent,
      amountMinor,
    });
    await transaction(db, (trx) => this.#note(trx, { orderId, refundRequestId, outcome, requestId }));
  }

  async #note(
    trx: Database,
    done: {
      orderId: string;
      refundRequestId: string;
      outcome: RefundOutcome;
      requestId: string | undefined;
    },
  ): Promise<void> {
    const { orderId, refundRequestId, outcome, requestId } = done;
    const orders = new KnexOrderRepository(trx);
    const refund = await orders.findRefundRequest(refundRequestId);
    if (refund === undefined) throw new Error(`the refund request ${refundRequestId} vanished`);
    await orders.lockPayment(refund.paymentIntent);
    const accepted = outcome.kind === 'accepted';
    const news = accepted
      ? { refundId: outcome.refundId, status: outcome.status }
      : { refundId: undefined, status: 'failed' as const };
    await orders.noteRefund({ ...refund, ...news }, this.#dependencies.clock.now());
    await settle(trx, orderId, refund.paymentIntent, { requestId });
    await record(trx, {
      action: 'order.refund',
      actor: { kind: 'system' },
      subject: { kind: 'order', id: orderId },
      outcome: accepted ? 'ok' : 'failed',
      details: {
        refund_request_id: refundRequestId,
        amount_minor: refund.amountMinor,
        ...(!accepted && { reason: outcome.reason }),
      },
      requestId,
    });
  }
}
