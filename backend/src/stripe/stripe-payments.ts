import Stripe from 'stripe';
import type {
  CheckoutRequest,
  PaymentProvider,
  RefundOutcome,
  RefundRequest,
} from '../features/orders/payment-port.ts';
import { AppError } from '../kernel/errors.ts';
import { refundStatusOf } from './stripe-events.ts';

/** The version that requests and webhook endpoints are written for; set the endpoint in the dashboard to the same. */
export const stripeApiVersion = '2026-10-28.endive';

export interface StripeSettings {
  secretKey: string;
  /** Replaces api.stripe.com, for tests and laptops. */
  url?: string | undefined;
}

/** Stripe's client as this backend uses it: a person waits, so give up long before its default of 80 s. */
export function stripeClient({ secretKey, url }: StripeSettings): Stripe {
  const address = url === undefined ? undefined : new URL(url);
  return new Stripe(secretKey, {
    apiVersion: stripeApiVersion,
    timeout: 10_000,
    maxNetworkRetries: 2,
    telemetry: false,
    ...(address !== undefined && {
      host: address.hostname,
      port: address.port || (address.protocol === 'https:' ? 443 : 80),
      protocol: address.protocol === 'https:' ? ('https' as const) : ('http' as const),
    }),
  });
}

export interface OrderCheckoutSettings {
  /** Where the customer comes back to; `{CHECKOUT_SESSION_ID}` is Stripe's to fill in. */
  successUrl: string;
  /** ISO 3166-1 codes of the countries we send to. */
  shippingCountries: readonly string[];
}

/** Orders are paid on Stripe's own page (docs.stripe.com/api/checkout/sessions). */
export class StripePayments implements PaymentProvider {
  readonly #stripe: Stripe;
  readonly #settings: OrderCheckoutSettings;

  constructor(stripe: Stripe, settings: OrderCheckoutSettings) {
    this.#stripe = stripe;
    this.#settings = settings;
  }

  async openCheckout(request: CheckoutRequest): Promise<{ sessionId: string; url: string }> {
    const { orderId, userId, currency, items, expiresAt } = request;
    // On both: sessions report themselves, refunds and disputes come with the payment.
    const metadata = { type: 'order', order_id: orderId };
    const countries = this.#settings
      .shippingCountries as Stripe.Checkout.SessionCreateParams.ShippingAddressCollection.AllowedCountry[];
    const { id, url } = await asked(
      this.#stripe.checkout.sessions.create(
        {
          mode: 'payment',
          line_items: items.map(({ name, unitPriceMinor, quantity }) => ({
            quantity,
            price_data: { currency, unit_amount: unitPriceMinor, product_data: { name } },
          })),
          success_url: this.#settings.successUrl,
          expires_at: expiresAt.getTime() / 1_000,
          shipping_address_collection: { allowed_countries: countries },
          metadata,
          payment_intent_data: { metadata },
          ...(userId !== undefined && { client_reference_id: userId }),
        },
        { idempotencyKey: `order:${orderId}:v1` },
      ),
    );
    if (url === null) throw new Error(`Stripe gave the session of order ${orderId} no page`);
    return { sessionId: id, url };
  }

  async closeCheckout(sessionId: string): Promise<'closed' | 'completed'> {
    const { status } = await asked(this.#stripe.checkout.sessions.retrieve(sessionId));
    if (status !== 'open') return status === 'complete' ? 'completed' : 'closed';
    try {
      await asked(this.#stripe.checkout.sessions.expire(sessionId));
      return 'closed';
    } catch (error) {
      // Somebody paid in this moment.
      if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw error;
      const { status: now } = await asked(this.#stripe.checkout.sessions.retrieve(sessionId));
      return now === 'complete' ? 'completed' : 'closed';
    }
  }

  async refund({ requestId, orderId, paymentIntent, amountMinor }: RefundRequest): Promise<RefundOutcome> {
    try {
      const refund = await asked(
        this.#stripe.refunds.create(
          {
            payment_intent: paymentIntent,
            amount: amountMinor,
            metadata: { type: 'order', order_id: orderId, refund_request_id: requestId },
          },
          { idempotencyKey: `refund:${requestId}:v1` },
        ),
      );
      return { kind: 'accepted', refundId: refund.id, status: refundStatusOf(refund.status) };
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw error;
      return { kind: 'refused', reason: error.code ?? error.type };
    }
  }
}

/**
 * What Stripe refuses for good keeps its own error. Everything else (network, its trouble, our key, too many
 * requests) is for the operator, and for later.
 */
async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeInvalidRequestError) throw error;
    if (error instanceof Stripe.errors.StripeError)
      throw new AppError('payment_provider_unavailable', { cause: error, retryAfterMs: 5_000 });
    throw error;
  }
}
