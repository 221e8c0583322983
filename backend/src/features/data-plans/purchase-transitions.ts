import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { enqueue } from '../../outbox/outbox.ts';
import type { Actor } from '../audit/audit-entry.ts';
import { record } from '../audit/audit-log.ts';
import type { EntitlementService } from '../entitlements/entitlement-service.ts';
import {
  dataPlanOrderTopic,
  dataPlanSettleTopic,
  type OrderPayload,
  outboxKeyOf,
  type SettlePayload,
} from './data-plan-topics.ts';
import { type Purchase, stateOf, windowFrom } from './purchase.ts';
import { KnexPurchaseRepository } from './purchase-repository.ts';
import { mayOrder, type PurchaseEvent, stateAfter } from './purchase-rules.ts';

export interface Circumstances {
  actor: Actor;
  requestId?: string | undefined;
  /** For the audit: codes and ids, no card numbers. */
  details?: Record<string, unknown>;
}

export interface TransitionDependencies {
  clock: Clock;
  entitlementsIn: (db: Database) => EntitlementService;
}

/** Moves purchases on, in the caller's transaction: state, rights, what is to be done next, and one audit row a step. */
export class PurchaseTransitions {
  readonly #dependencies: TransitionDependencies;

  constructor(dependencies: TransitionDependencies) {
    this.#dependencies = dependencies;
  }

  /** The purchase afterwards, as it was when the event changes nothing. It must be locked (`lock` of the repository). */
  async apply(
    trx: Database,
    purchase: Purchase,
    { event, ...circumstances }: Circumstances & { event: PurchaseEvent },
  ): Promise<Purchase> {
    const state = stateAfter(stateOf(purchase), event);
    if (state === undefined) return purchase;
    const now = this.#dependencies.clock.now();
    const activates = [state.status, state.resume].includes('active') && purchase.activatedAt === undefined;
    const next: Purchase = {
      ...purchase,
      status: state.status,
      resumeStatus: state.resume,
      paidAt: purchase.paidAt ?? (state.wasPaid ? now : undefined),
      ...(activates && windowFrom(now, purchase.durationDays)),
      updatedAt: now,
    };
    await new KnexPurchaseRepository(trx).update(next);
    await this.#adjustRights(trx, next, event);
    if (mayOrder(next.status) && next.iccid !== undefined)
      await enqueueOrder(trx, next.id, circumstances.requestId);
    if (cameToNothing(next)) await enqueueSettlement(trx, next, event, circumstances.requestId);
    await recordStep(trx, { from: purchase, to: next, event, circumstances });
    return next;
  }

  /** Has carrier and customer made even once more, when something turned up after a purchase came to nothing. */
  async settle(trx: Database, purchase: Purchase, requestId: string | undefined): Promise<void> {
    if (cameToNothing(purchase)) await enqueueSettlement(trx, purchase, 'refunded', requestId);
  }

  async #adjustRights(trx: Database, purchase: Purchase, event: PurchaseEvent): Promise<void> {
    const { id, status, endsAt, activatedAt } = purchase;
    const entitlements = this.#dependencies.entitlementsIn(trx);
    if (status === 'active' && activatedAt && endsAt) {
      const { userId, deviceId, capabilities } = purchase;
      await entitlements.grantPurchase({
        purchaseId: id,
        userId,
        deviceId,
        capabilities,
        startsAt: activatedAt,
        endsAt,
      });
    } else if (status === 'disputed') await entitlements.suspendPurchase(id, 'the payment is disputed');
    else if (
      status === 'refunded' ||
      status === 'failed' ||
      (status === 'expired' && event !== 'window_over')
    )
      await entitlements.revokePurchase(id, reasons[status]);
  }
}

const reasons = {
  refunded: 'the payment was refunded',
  failed: 'the carrier refused the plan',
  expired: 'the plan is used up',
};

/** It was paid, and the customer will have nothing of it. */
function cameToNothing({ status, paidAt }: Purchase): boolean {
  return (status === 'refunded' || status === 'failed') && paidAt !== undefined;
}

async function enqueueSettlement(
  trx: Database,
  { id }: Purchase,
  event: PurchaseEvent,
  requestId: string | undefined,
): Promise<void> {
  const payload: SettlePayload = { purchase_id: id, refund_customer: event !== 'dispute_lost' };
  await enqueue(trx, { topic: dataPlanSettleTopic, key: outboxKeyOf(id), payload, requestId });
}

/** One order after the other for each purchase. */
export async function enqueueOrder(trx: Database, purchaseId: string, requestId?: string): Promise<void> {
  const payload: OrderPayload = { purchase_id: purchaseId };
  await enqueue(trx, { topic: dataPlanOrderTopic, key: outboxKeyOf(purchaseId), payload, requestId });
}

async function recordStep(
  trx: Database,
  step: { from: Purchase; to: Purchase; event: PurchaseEvent; circumstances: Circumstances },
): Promise<void> {
  const { from, to, event, circumstances } = step;
  await record(trx, {
    action: 'data_plan.transition',
    actor: circumstances.actor,
    subject: { kind: 'data_plan_purchase', id: to.id },
    outcome: 'ok',
    details: {
      from: from.status,
      to: to.status,
      event,
      ...(to.resumeStatus && { resume: to.resumeStatus }),
      ...circumstances.details,
    },
    requestId: circumstances.requestId,
  });
}
