import Stripe from 'stripe';
import type {
  PlanCheckoutRequest,
  PlanCheckouts,
  PlanRefundOutcome,
} from '../features/data-plans/plan-checkouts.ts';
import { AppError } from '../kernel/errors.ts';

/** Data plans are paid on Stripe's own page (docs.stripe.com/api/checkout/sessions). */
export class StripePlanCheckouts implements PlanCheckouts {
  readonly #stripe: Stripe;
  readonly #returnUrl: string;

  /** @param settings.returnUrl where the customer comes back to, paid or not */
  constructor(stripe: Stripe, settings: { returnUrl: string }) {
    this.#stripe = stripe;
    this.#returnUrl = settings.returnUrl;
  }

  async openPlanCheckout(request: PlanCheckoutRequest): Promise<{ sessionId: string; url: string }> {
    const { purchaseId, userId, deviceId, planName, priceMinor, currency, expiresAt } = request;
    // On both: sessions report themselves, charges come with the payment.
    const metadata = { type: 'data_plan', purchase_id: purchaseId, device_id: deviceId };
    try {
      const { id, url } = await this.#stripe.checkout.sessions.create(
        {
          mode: 'payment',
          line_items: [
            {
              quantity: 1,
              price_data: { currency, unit_amount: priceMinor, product_data: { name: planName } },
            },
          ],
          success_url: this.#returnUrl,
          client_reference_id: userId,
          expires_at: Math.floor(expiresAt.getTime() / 1_000),
          metadata,
          payment_intent_data: { metadata },
        },
        { idempotencyKey: `purchase:${purchaseId}:v1` },
      );
      if (url === null) throw new Error(`Stripe gave the session of purchase ${purchaseId} no page`);
      return { sessionId: id, url };
    } catch (error) {
      // What Stripe refuses for good is a mistake of ours and stays what it is.
      if (!(error instanceof Stripe.errors.StripeError)) throw error;
      if (error instanceof Stripe.errors.StripeInvalidRequestError) throw error;
      throw new AppError('payment_provider_unavailable', { cause: error, retryAfterMs: 5_000 });
    }
  }

  async refundPlan({
    purchaseId,
    paymentIntent,
  }: {
    purchaseId: string;
    paymentIntent: string;
  }): Promise<PlanRefundOutcome> {
    const metadata = { type: 'data_plan', purchase_id: purchaseId };
    try {
      await this.#stripe.refunds.create(
        { payment_intent: paymentIntent, metadata },
        { idempotencyKey: `purchase:${purchaseId}:refund:v1` },
      );
      return { kind: 'accepted' };
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeError)) throw error;
      if (!(error instanceof Stripe.errors.StripeInvalidRequestError))
        throw new AppError('payment_provider_unavailable', { cause: error, retryAfterMs: 5_000 });
      if (error.code === 'charge_already_refunded') return { kind: 'accepted' };
      return { kind: 'refused', reason: error.code ?? error.type };
    }
  }
}
