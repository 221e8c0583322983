import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { HandlingContext, OutboxHandlers } from '../../outbox/outbox.ts';
import { record } from '../audit/audit-log.ts';
import {
  dataPlanOrderTopic,
  dataPlanRefreshTopic,
  orderPayloadSchema,
  refreshPayloadSchema,
} from './data-plan-topics.ts';
import type { Purchase } from './purchase.ts';
import { KnexPurchaseRepository } from './purchase-repository.ts';
import { mayOrder, outTradeNoOf, type PurchaseEvent } from './purchase-rules.ts';
import type { PurchaseTransitions } from './purchase-transitions.ts';
import type { CarrierOrder, SimCarrier } from './sim-carrier.ts';

export interface FulfilmentDependencies {
  db: Database;
  clock: Clock;
  /** Undefined where no carrier is configured: orders wait then. */
  carrier: SimCarrier | undefined;
  transitions: PurchaseTransitions;
  log: Logger;
}

/** A carrier that refuses for so long will not change its mind; most refusals (no credit, maintenance) are over sooner. */
const patienceMs = 24 * 60 * 60_000;

/** Orders what was paid, and learns from the carrier what became of it. No transaction is open while it is asked. */
export class FulfilmentService {
  readonly #dependencies: FulfilmentDependencies;

  constructor(dependencies: FulfilmentDependencies) {
    this.#dependencies = dependencies;
  }

  outboxHandlers(): OutboxHandlers {
    return {
      [dataPlanOrderTopic]: (payload, context) =>
        this.order(orderPayloadSchema.parse(payload).purchase_id, context),
      [dataPlanRefreshTopic]: (payload, context) => {
        const { purchase_id, refunded } = refreshPayloadSchema.parse(payload);
        return this.refresh(purchase_id, { ...context, refunded });
      },
    };
  }

  /**
   * Orders a purchase's package, once: whatever happened to earlier attempts, the carrier is asked for the order before
   * another one goes out.
   * @throws AppError sim_provider_error, service_unavailable: try again later
   */
  async order(purchaseId: string, { signal, requestId }: Pick<HandlingContext, 'signal' | 'requestId'>) {
    const carrier = this.#carrier();
    const attempt = await this.#beginAttempt(purchaseId);
    if (attempt === undefined) return;
    const { iccid, packageCode, triedBefore } = attempt;
    const outTradeNo = outTradeNoOf(purchaseId);
    try {
      const found = triedBefore ? await carrier.findOrder(outTradeNo, signal) : undefined;
      const order: CarrierOrder = found ?? {
        ...(await carrier.placeOrder({ iccid, packageCode, outTradeNo }, signal)),
        state: 'waiting',
      };
      await this.#learn(purchaseId, { order, refunded: false, requestId });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'sim_provider_error') throw error;
      if (!(await this.#noteRefusal(purchaseId, error, requestId))) throw error;
    }
  }

  /** @throws AppError sim_provider_error, service_unavailable: try again later */
  async refresh(
    purchaseId: string,
    { signal, requestId, refunded }: Pick<HandlingContext, 'signal' | 'requestId'> & { refunded: boolean },
  ): Promise<void> {
    const order = await this.#carrier().findOrder(outTradeNoOf(purchaseId), signal);
    await this.#learn(purchaseId, { order, refunded, requestId });
  }

  #carrier(): SimCarrier {
    const { carrier } = this.#dependencies;
    if (carrier === undefined) throw new AppError('feature_disabled', { retryAfterMs: 600_000 });
    return carrier;
  }

  /** Notes the attempt before anything goes out: should this process die, the next one knows. */
  async #beginAttempt(purchaseId: string) {
    const { db, clock } = this.#dependencies;
    return transaction(db, async (trx) => {
      const purchases = new KnexPurchaseRepository(trx);
      const purchase = await purchases.lock({ id: purchaseId });
      if (purchase?.iccid === undefined || !mayOrder(purchase.status)) return undefined;
      const triedBefore = purchase.orderTriedAt !== undefined;
      if (!triedBefore) await purchases.update({ ...purchase, orderTriedAt: clock.now() });
      return { iccid: purchase.iccid, packageCode: purchase.packageCode, triedBefore };
    });
  }

  async #learn(
    purchaseId: string,
    facts: { order: CarrierOrder | undefined; refunded: boolean; requestId: string | undefined },
  ): Promise<void> {
    const { db, clock, transitions } = this.#dependencies;
    const { order, refunded, requestId } = facts;
    await transaction(db, async (trx) => {
      const purchases = new KnexPurchaseRepository(trx);
      let purchase = await purchases.lock({ id: purchaseId });
      if (purchase === undefined) return;
      purchase = {
        ...purchase,
        checkedAt: clock.now(),
        carrierOrderId: purchase.carrierOrderId ?? order?.orderId,
      };
      await purchases.update(purchase);
      for (const event of order === undefined ? [] : eventsOf(order, refunded))
        purchase = await transitions.apply(trx, purchase, { event, actor: { kind: 'system' }, requestId });
      // The money went back while the order was on its way.
      if (order?.state === 'waiting' && purchase.status === 'refunded')
        await transitions.settle(trx, purchase, requestId);
    });
  }

  /** True when it is given up. The carrier's own code goes into the audit log only. */
  async #noteRefusal(purchaseId: string, error: AppError, requestId: string | undefined): Promise<boolean> {
    const { db, clock, transitions, log } = this.#dependencies;
    const { carrierCode } = error as { carrierCode?: string };
    return transaction(db, async (trx) => {
      const purchase = await new KnexPurchaseRepository(trx).lock({ id: purchaseId });
      const givenUp = purchase !== undefined && isOverdue(purchase, clock.now());
      const details = { carrier_code: carrierCode ?? null };
      await record(trx, {
        action: 'data_plan.order',
        actor: { kind: 'system' },
        subject: { kind: 'data_plan_purchase', id: purchaseId },
        outcome: 'failed',
        details: { code: error.code, ...details },
        requestId,
      });
      if (!givenUp) return false;
      await transitions.apply(trx, purchase, {
        event: 'order_refused',
        actor: { kind: 'system' },
        requestId,
        details,
      });
      log.error({ purchaseId }, 'the carrier refuses a paid data plan: the customer is paid back');
      return true;
    });
  }
}

/** What an order's state says, in the order of a purchase's life. */
function eventsOf({ state }: CarrierOrder, refunded: boolean): PurchaseEvent[] {
  if (state === 'done') return refunded ? ['refunded'] : ['order_placed', 'package_done'];
  return state === 'in_use' ? ['order_placed', 'package_in_use'] : ['order_placed'];
}

function isOverdue({ paidAt }: Purchase, now: Date): boolean {
  return paidAt !== undefined && now.getTime() - paidAt.getTime() > patienceMs;
}
