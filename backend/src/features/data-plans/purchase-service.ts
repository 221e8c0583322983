import type { DataPlanView, PurchaseView } from '@aovis/contracts/http/data-plans';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type PageRequest, pageOf, readCursor, uuidForm } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import { record } from '../audit/audit-log.ts';
import type { DeviceAccess } from '../devices/device-access.ts';
import { findIccidOfDevice } from '../sim/sim-service.ts';
import { type DataPlan, toDataPlanView } from './data-plan.ts';
import type { DataPlanRepository } from './data-plan-repository.ts';
import type { PlanCheckouts } from './plan-checkouts.ts';
import { type Purchase, toPurchaseView } from './purchase.ts';
import { KnexPurchaseRepository } from './purchase-repository.ts';
import type { PurchaseTransitions } from './purchase-transitions.ts';

export interface PurchaseDependencies {
  db: Database;
  clock: Clock;
  plans: DataPlanRepository;
  access: DeviceAccess;
  /** Undefined where no payment provider is configured. */
  checkouts: PlanCheckouts | undefined;
  transitions: PurchaseTransitions;
}

/** Stripe keeps a payment page open for 24 hours at most and 30 minutes at least. */
const payableMs = 60 * 60_000;

export interface OpenedCheckout {
  purchase_id: string;
  checkout_url: string;
  expires_at: string;
}

/** What a customer sees of data plans: what is on sale, the payment page, what was bought. */
export class PurchaseService {
  readonly #dependencies: PurchaseDependencies;

  constructor(dependencies: PurchaseDependencies) {
    this.#dependencies = dependencies;
  }

  async listPlans(): Promise<DataPlanView[]> {
    return (await this.#dependencies.plans.listActive()).map(toDataPlanView);
  }

  /**
   * The price is the plan's, whatever the client thinks. The purchase is stored before the payment page is opened, so
   * that no payment can come that nobody knows.
   * @throws AppError plan_not_found, device_not_found, feature_disabled, payment_provider_unavailable
   */
  async checkout(
    { userId, requestId }: { userId: string; requestId: string },
    { planId, deviceId }: { planId: string; deviceId: string },
  ): Promise<OpenedCheckout> {
    const { plans, access, checkouts, clock } = this.#dependencies;
    const device = await access.assertDeviceServiceAccess(userId, deviceId);
    const plan = await plans.findActive(planId);
    if (plan === undefined) throw new AppError('plan_not_found');
    if (checkouts === undefined) throw new AppError('feature_disabled');
    const purchase = await this.#store(plan, { userId, requestId, deviceId: device.deviceId });
    const expiresAt = new Date(clock.now().getTime() + payableMs);
    const { sessionId, url } = await checkouts
      .openPlanCheckout({
        purchaseId: purchase.id,
        userId,
        deviceId: purchase.deviceId,
        planName: plan.name,
        priceMinor: plan.priceMinor,
        currency: plan.currency,
        expiresAt,
      })
      .catch((error: unknown) => this.#giveUp(purchase.id, error, requestId));
    await this.#noteSession(purchase.id, sessionId);
    return { purchase_id: purchase.id, checkout_url: url, expires_at: expiresAt.toISOString() };
  }

  /** @throws AppError invalid_request when the cursor is none of ours */
  async list(
    userId: string,
    { limit, cursor }: PageRequest,
  ): Promise<{ purchases: PurchaseView[]; next_cursor: string | null }> {
    const purchases = new KnexPurchaseRepository(this.#dependencies.db);
    const after = readCursor(cursor, uuidForm);
    const found = await purchases.list(userId, { after, limit: limit + 1 });
    const { page, nextCursor } = pageOf(found, limit, ({ createdAt: at, id: key }) => ({ at, key }));
    return { purchases: page.map(toPurchaseView), next_cursor: nextCursor };
  }

  async #store(
    plan: DataPlan,
    { userId, deviceId, requestId }: { userId: string; deviceId: string; requestId: string },
  ): Promise<Purchase> {
    const { db, clock } = this.#dependencies;
    return transaction(db, async (trx) => {
      const iccid = await findIccidOfDevice(trx, deviceId);
      const purchase = await new KnexPurchaseRepository(trx).insert({
        userId,
        deviceId,
        iccid,
        plan,
        now: clock.now(),
      });
      await record(trx, {
        action: 'data_plan.checkout',
        actor: { kind: 'user', id: userId },
        subject: { kind: 'data_plan_purchase', id: purchase.id },
        outcome: 'ok',
        details: {
          plan: plan.planId,
          device: deviceId,
          price_minor: plan.priceMinor,
          currency: plan.currency,
        },
        requestId,
      });
      return purchase;
    });
  }

  /** A webhook may have been faster. */
  async #noteSession(purchaseId: string, sessionId: string): Promise<void> {
    await transaction(this.#dependencies.db, async (trx) => {
      const purchases = new KnexPurchaseRepository(trx);
      const purchase = await purchases.lock({ id: purchaseId });
      if (purchase && purchase.stripeSessionId === undefined)
        await purchases.update({ ...purchase, stripeSessionId: sessionId });
    });
  }

  /** The customer never saw a page to pay on. */
  async #giveUp(purchaseId: string, error: unknown, requestId: string): Promise<never> {
    const { db, transitions } = this.#dependencies;
    await transaction(db, async (trx) => {
      const purchase = await new KnexPurchaseRepository(trx).lock({ id: purchaseId });
      if (purchase)
        await transitions.apply(trx, purchase, {
          event: 'payment_failed',
          actor: { kind: 'system' },
          details: { reason: 'no payment page' },
          requestId,
        });
    });
    throw error;
  }
}
