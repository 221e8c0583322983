import { type Database, transaction } from '../../db/database.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { HandlingContext, OutboxHandlers } from '../../outbox/outbox.ts';
import { record } from '../audit/audit-log.ts';
import { dataPlanSettleTopic, settlePayloadSchema } from './data-plan-topics.ts';
import type { PlanCheckouts } from './plan-checkouts.ts';
import type { Purchase } from './purchase.ts';
import { KnexPurchaseRepository } from './purchase-repository.ts';
import { outTradeNoOf } from './purchase-rules.ts';
import type { SimCarrier } from './sim-carrier.ts';

export interface SettlementDependencies {
  db: Database;
  carrier: SimCarrier | undefined;
  checkouts: PlanCheckouts | undefined;
  log: Logger;
}

/** A refusal may be over in a moment; one that stays is for a person. */
const refusalsBeforeGivingUp = 5;

/**
 * Makes both sides even after a purchase that was paid came to nothing: an order that is still at the carrier is
 * cancelled, and money that is still ours goes back to the customer. Everything is asked for before it is done, so
 * that doing it again changes nothing. What the partners did comes back as their events, like everything they do.
 */
export class SettlementService {
  readonly #dependencies: SettlementDependencies;

  constructor(dependencies: SettlementDependencies) {
    this.#dependencies = dependencies;
  }

  outboxHandlers(): OutboxHandlers {
    return {
      [dataPlanSettleTopic]: async (payload, context) => {
        const { purchase_id, refund_customer } = settlePayloadSchema.parse(payload);
        const purchase = await new KnexPurchaseRepository(this.#dependencies.db).find(purchase_id);
        if (purchase === undefined) return;
        await this.#cancelOrder(purchase, context);
        if (refund_customer) await this.#payBack(purchase, context);
      },
    };
  }

  /** @throws AppError service_unavailable, sim_provider_error: try again later */
  async #cancelOrder(purchase: Purchase, context: HandlingContext): Promise<void> {
    const { carrier } = this.#dependencies;
    const { id, iccid, orderTriedAt } = purchase;
    if (orderTriedAt === undefined || iccid === undefined) return;
    if (carrier === undefined) throw new AppError('feature_disabled', { retryAfterMs: 600_000 });
    try {
      const order = await carrier.findOrder(outTradeNoOf(id), context.signal);
      if (order === undefined || order.state === 'done') return;
      if (order.orderId === undefined) throw new AppError('sim_provider_error');
      await carrier.cancelOrder({ iccid, orderId: order.orderId }, context.signal);
      await this.#note(id, { action: 'data_plan.cancel', outcome: 'ok', details: {} }, context);
    } catch (error) {
      if (!isRefusal(error) || context.attempt < refusalsBeforeGivingUp) throw error;
      const { carrierCode } = error as AppError & { carrierCode?: string };
      const details = { code: error.code, carrier_code: carrierCode ?? null };
      await this.#note(id, { action: 'data_plan.cancel', outcome: 'failed', details }, context);
      this.#dependencies.log.error(
        { purchaseId: id },
        'the carrier does not cancel an order that was paid back',
      );
    }
  }

  /** @throws AppError payment_provider_unavailable: try again later */
  async #payBack(purchase: Purchase, context: HandlingContext): Promise<void> {
    const { checkouts, log } = this.#dependencies;
    const { id, paymentIntent, refundedMinor, priceMinor } = purchase;
    if (paymentIntent === undefined || refundedMinor >= priceMinor) return;
    if (checkouts === undefined) throw new AppError('feature_disabled', { retryAfterMs: 600_000 });
    const result = await checkouts.refundPlan({ purchaseId: id, paymentIntent });
    const outcome = result.kind === 'accepted' ? ('ok' as const) : ('failed' as const);
    const details = result.kind === 'accepted' ? {} : { reason: result.reason };
    await this.#note(id, { action: 'data_plan.pay_back', outcome, details }, context);
    if (result.kind === 'refused')
      log.error(
        { purchaseId: id, reason: result.reason },
        'a data plan cannot be paid back; look at its payment',
      );
  }

  async #note(
    purchaseId: string,
    entry: { action: string; outcome: 'ok' | 'failed'; details: Record<string, unknown> },
    { requestId }: HandlingContext,
  ): Promise<void> {
    await transaction(this.#dependencies.db, (trx) =>
      record(trx, {
        ...entry,
        actor: { kind: 'system' },
        subject: { kind: 'data_plan_purchase', id: purchaseId },
        requestId,
      }),
    );
  }
}

function isRefusal(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'sim_provider_error';
}
