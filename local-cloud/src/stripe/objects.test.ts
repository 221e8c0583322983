import { expect, it } from '@jest/globals';
import type Stripe from 'stripe';
import type {
  Charge,
  CheckoutSession,
  Dispute,
  LineItem,
  PaymentIntent,
  Refund,
  StripeEvent,
} from './objects.ts';
import { apiVersion, newEvent, newSession } from './objects.ts';

/** Decimals are text on the wire; the library makes objects of them. */
type OnTheWire<T extends { price: unknown }> = Omit<T, 'price'>;

// What the stand-in answers is what the `stripe` package says of this API version, to the compiler's satisfaction.
const shapes = {
  session: (one: CheckoutSession): Stripe.Checkout.Session => one,
  lineItem: (one: LineItem): OnTheWire<Stripe.LineItem> => one,
  price: (one: LineItem['price']): Omit<Stripe.Price, 'unit_amount_decimal'> => one,
  paymentIntent: (one: PaymentIntent): Stripe.PaymentIntent => one,
  charge: (one: Charge): Stripe.Charge => one,
  refund: (one: Refund): Stripe.Refund => one,
  dispute: (one: Dispute): Stripe.Dispute => one,
  event: (one: StripeEvent): Omit<Stripe.EventBase, 'data'> => one,
  eventType: (one: StripeEvent['type']): Stripe.Event['type'] => one,
};

it('has the shapes and the version that the stripe package has', () => {
  const given: Parameters<typeof newSession> = [
    { mode: 'payment', line_items: [], success_url: 'http://localhost/' },
    { created: 1_790_000_000, baseUrl: 'http://localhost:1', amount: 100, currency: 'usd' },
  ];
  const session = shapes.session(newSession(...given));
  expect(session.id).toMatch(/^cs_test_a1\w{56}$/);
  const version: Stripe.LatestApiVersion = apiVersion;
  const event = newEvent('checkout.session.expired', newSession(...given), 1, {
    id: null,
    idempotency_key: null,
  });
  expect(shapes.event(event).api_version).toBe(version);
});
