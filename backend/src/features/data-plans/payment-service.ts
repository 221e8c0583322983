import type { StripeEvent, WebhookReceived } from '@aovis/contracts/http/webhooks';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { CheckoutEvent, PaymentEvent } from '../webhooks/payment-event.ts';
import type { Applied, SignedWebhookService } from '../webhooks/signed-webhook-service.ts';
import {
  lockPayment,
  noteDispute,
  noteRefund,
  noteRefundedTotal,
  readPaymentFacts,
} from './payment-facts.ts';
import type { Purchase } from './purchase.ts';
import { KnexPurchaseRepository } from './purchase-repository.ts';
import type { PurchaseEvent } from './purchase-rules.ts';
import type { PurchaseTransitions } from './purchase-transitions.ts';

/** `metadata.type` of everything at the payment provider that is about a data plan. */
export const dataPlanMetadataType = 'data_plan';

export interface PaymentDependencies {
  clock: Clock;
  webhook: SignedWebhookService;
  log: Logger;
  /** Of this shop: events of the other world are refused. */
  livemode: boolean;
  /** The provider's event in our words; undefined for what moves nothing. */
  readEvent: (event: StripeEvent) => PaymentEvent | undefined;
  transitions: PurchaseTransitions;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Takes what the payment provider says of data plans. Refunds and disputes are kept as facts of the payment and applied
 * when it is known whose it is, so that the order of events does not matter.
 */
export class PaymentService {
  readonly #dependencies: PaymentDependencies;

  constructor(dependencies: PaymentDependencies) {
    this.#dependencies = dependencies;
  }

  /** @throws AppError webhook_not_configured, invalid_signature */
  async assertSigned(
    request: { rawBody: Buffer; signature: string | undefined },
    requestId: string,
  ): Promise<void> {
    await this.#dependencies.webhook.assertSigned(request, requestId);
  }

  /** @throws AppError livemode_mismatch */
  async take(event: StripeEvent, requestId: string): Promise<WebhookReceived> {
    const { webhook, readEvent, livemode, log } = this.#dependencies;
    if (event.livemode !== livemode) {
      webhook.count('livemode_mismatch');
      log.error({ eventId: event.id }, 'a data-plan webhook of the other mode: check its address at Stripe');
      throw new AppError('livemode_mismatch');
    }
    const payment = readEvent(event);
    return webhook.take({ id: event.id, type: event.type }, async (trx) =>
      payment === undefined || isOfAnother(payment) ? 'ignored' : this.#apply(trx, payment, requestId),
    );
  }

  async #apply(trx: Database, payment: PaymentEvent, requestId: string): Promise<Applied> {
    const now = this.#dependencies.clock.now();
    const { paymentIntent } = payment;
    if (paymentIntent !== undefined) await lockPayment(trx, paymentIntent);
    switch (payment.kind) {
      case 'checkout':
        return this.#applyCheckout(trx, payment, requestId);
      case 'refund':
        await noteRefund(trx, payment, now);
        break;
      case 'refunded_total':
        await noteRefundedTotal(trx, payment);
        break;
      case 'dispute':
        await noteDispute(trx, payment, now);
        break;
    }
    const purchase = await new KnexPurchaseRepository(trx).lock({ paymentIntent });
    if (purchase !== undefined) await this.#settle(trx, purchase, requestId);
    return 'applied';
  }

  async #applyCheckout(trx: Database, checkout: CheckoutEvent, requestId: string): Promise<Applied> {
    const { purchase_id: id } = checkout.metadata;
    if (checkout.metadata['type'] !== dataPlanMetadataType || id === undefined || !uuid.test(id))
      return 'ignored';
    const purchases = new KnexPurchaseRepository(trx);
    let purchase = await purchases.lock({ id });
    if (purchase === undefined) return 'ignored';
    purchase = {
      ...purchase,
      stripeSessionId: purchase.stripeSessionId ?? checkout.sessionId,
      paymentIntent: purchase.paymentIntent ?? checkout.paymentIntent,
    };
    await purchases.update(purchase);
    const event = eventOf(checkout.outcome, purchase);
    if (event !== undefined) purchase = await this.#step(trx, purchase, { event, requestId });
    await this.#settle(trx, purchase, requestId);
    return 'applied';
  }

  /** Applies what is known of the payment's refunds and disputes. */
  async #settle(trx: Database, purchase: Purchase, requestId: string): Promise<void> {
    if (purchase.paymentIntent === undefined) return;
    const { refundedMinor, dispute } = await readPaymentFacts(trx, purchase.paymentIntent);
    let current = { ...purchase, refundedMinor };
    await new KnexPurchaseRepository(trx).update(current);
    const events: PurchaseEvent[] =
      refundedMinor >= purchase.priceMinor ? ['refunded'] : [...disputeEvents[dispute]];
    for (const event of events) current = await this.#step(trx, current, { event, requestId });
  }

  #step(
    trx: Database,
    purchase: Purchase,
    step: { event: PurchaseEvent; requestId: string },
  ): Promise<Purchase> {
    const actor = { kind: 'system' } as const;
    return this.#dependencies.transitions.apply(trx, purchase, { ...step, actor });
  }
}

/** Steps that were made already change nothing. */
const disputeEvents: Readonly<Record<'none' | 'open' | 'won' | 'lost', readonly PurchaseEvent[]>> = {
  none: [],
  open: ['dispute_opened'],
  won: ['dispute_won'],
  lost: ['dispute_opened', 'dispute_lost'],
};

function eventOf(outcome: CheckoutEvent['outcome'], { iccid }: Purchase): PurchaseEvent | undefined {
  if (outcome === 'processing') return undefined;
  if (outcome !== 'paid') return 'payment_failed';
  return iccid === undefined ? 'paid_without_sim' : 'paid_with_sim';
}

/** Charges carry the payment's metadata; refunds and disputes do not, so they are nobody's yet. */
function isOfAnother(payment: PaymentEvent): boolean {
  const type = 'metadata' in payment ? payment.metadata['type'] : undefined;
  return payment.kind !== 'refund' && type !== undefined && type !== dataPlanMetadataType;
}
