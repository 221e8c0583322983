import { type StripeEvent, stripeEventSchema } from '@aovis/contracts/http/webhooks';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ZodError } from 'zod';
import { StripeEventsOf } from '../features/orders/testing/stripe-events.ts';
import { readPaymentEvent, refundStatusOf } from './stripe-events.ts';

const events = new StripeEventsOf('c8d6b2f4-3a1e-4a57-9c05-6e0f7d2b8a13', 19_900, 1_763_640_000);
const read = (event: unknown) => readPaymentEvent(stripeEventSchema.parse(event));

it('reads a paid session with its customer', () => {
  expect(read(events.completed())).toEqual({
    kind: 'checkout',
    sessionId: `cs_test_${events.orderId}`,
    metadata: { type: 'order', order_id: events.orderId },
    outcome: 'paid',
    paymentIntent: events.paymentIntent,
    amountMinor: 19_900,
    currency: 'usd',
    email: 'canary-customer@example.com',
    shipping: { name: 'Ada', address: { line1: '1 Main St', country: 'US' } },
  });
});

it.each([
  ['completed', 'paid', 'paid'],
  ['completed', 'no_payment_required', 'paid'],
  ['completed', 'unpaid', 'processing'],
  ['async_payment_succeeded', 'paid', 'paid'],
  ['async_payment_failed', 'unpaid', 'failed'],
  ['expired', 'unpaid', 'expired'],
])('takes a session that is %s and %s for %s', (type, payment_status, outcome) => {
  expect(read(events.session(type, { payment_status }))).toMatchObject({ kind: 'checkout', outcome });
});

it('takes references as ids and as objects', () => {
  const payment_intent = { id: 'pi_expanded', object: 'payment_intent' };
  expect(read(events.completed({ payment_intent }))).toMatchObject({ paymentIntent: 'pi_expanded' });
});

it.each([
  ['pending', 'pending'],
  ['requires_action', 'pending'],
  ['succeeded', 'succeeded'],
  ['failed', 'failed'],
  ['canceled', 'failed'],
  [null, 'pending'],
])('takes a refund that is %s for %s', (status, meaning) => {
  expect(refundStatusOf(status)).toBe(meaning);
});

it.each([
  ['needs_response', 'open'],
  ['under_review', 'open'],
  ['warning_needs_response', 'open'],
  ['appeal_under_review', 'open'],
  ['lost', 'lost'],
  ['won', 'won'],
  ['warning_closed', 'won'],
  ['prevented', 'won'],
])('takes a dispute that is %s for %s', (status, meaning) => {
  expect(read(events.dispute('updated', status))).toMatchObject({ kind: 'dispute', status: meaning });
});

it('takes the sum of a charge as of the event', () => {
  expect(read(events.chargeRefunded(500, 60))).toMatchObject({
    kind: 'refunded_total',
    amountMinor: 500,
    at: new Date(1_763_640_060_000),
  });
});

it('leaves alone what is no payment of ours, and refunds of bare charges', () => {
  expect(read({ ...events.completed(), type: 'invoice.paid' })).toBeUndefined();
  for (const event of [events.chargeRefunded(1), events.dispute('created', 'lost')])
    expect(
      read({ ...event, data: { object: { ...event.data.object, payment_intent: null } } }),
    ).toBeUndefined();
});

it('understands an object or refuses it, and never takes half of one', () => {
  const types = ['checkout.session.completed', 'refund.created', 'charge.refunded', 'charge.dispute.closed'];
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.dictionary(fc.string(), fc.jsonValue()), (type, object) => {
      const event = { ...events.completed(), type, data: { object } } as StripeEvent;
      expect(() => readPaymentEvent(event)).toThrow(ZodError);
    }),
  );
});
