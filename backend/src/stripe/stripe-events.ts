import type { StripeEvent } from '@aovis/contracts/http/webhooks';
import * as z from 'zod';
import type { DisputeStatus, PaymentEvent } from '../features/webhooks/payment-event.ts';

/** A reference: the id, or the object itself where it was expanded. */
const referenceSchema = z.union([z.string(), z.looseObject({ id: z.string() }).transform(({ id }) => id)]);
const metadataSchema = z
  .record(z.string(), z.string())
  .nullish()
  .transform((metadata) => metadata ?? {});

/** docs.stripe.com/api/checkout/sessions/object */
const sessionSchema = z.looseObject({
  id: z.string(),
  metadata: metadataSchema,
  payment_status: z.enum(['paid', 'unpaid', 'no_payment_required']),
  payment_intent: referenceSchema.nullish(),
  amount_total: z.int().nullish(),
  currency: z.string().nullish(),
  customer_details: z.looseObject({ email: z.string().nullish() }).nullish(),
  collected_information: z
    .looseObject({ shipping_details: z.record(z.string(), z.json()).nullish() })
    .nullish(),
});

/** docs.stripe.com/api/refunds/object */
const refundSchema = z.looseObject({
  id: z.string(),
  payment_intent: referenceSchema.nullish(),
  metadata: metadataSchema,
  amount: z.int(),
  status: z.string().nullish(),
});

/** docs.stripe.com/api/charges/object */
const chargeSchema = z.looseObject({
  payment_intent: referenceSchema.nullish(),
  metadata: metadataSchema,
  amount_refunded: z.int(),
});

/** docs.stripe.com/api/disputes/object */
const disputeSchema = z.looseObject({
  id: z.string(),
  payment_intent: referenceSchema.nullish(),
  status: z.string(),
});

/**
 * The event in our words; undefined when its type is none of those that move an order or a purchase.
 * @throws ZodError when an object is not as Stripe documents it: better sent again than taken for something else
 */
export function readPaymentEvent({ type, created, data }: StripeEvent): PaymentEvent | undefined {
  const object = storable(data.object);
  switch (type) {
    case 'checkout.session.completed':
    case 'checkout.session.async_payment_succeeded':
    case 'checkout.session.async_payment_failed':
    case 'checkout.session.expired':
      return readSession(type, object);
    case 'refund.created':
    case 'refund.updated':
    case 'refund.failed':
      return readRefund(object);
    case 'charge.refunded':
      return readRefundedTotal(object, new Date(created * 1_000));
    case 'charge.dispute.created':
    case 'charge.dispute.updated':
    case 'charge.dispute.closed':
      return readDispute(object);
    default:
      return undefined;
  }
}

/** Customers type names and addresses; zero characters and half surrogate pairs cannot be stored. */
function storable(object: unknown): unknown {
  return JSON.parse(JSON.stringify(object), (_key, value: unknown) =>
    typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\ufffd') : value,
  );
}

function readSession(type: string, object: unknown): PaymentEvent {
  const session = sessionSchema.parse(object);
  return {
    kind: 'checkout',
    sessionId: session.id,
    metadata: session.metadata,
    outcome: outcomeOf(type, session.payment_status),
    paymentIntent: session.payment_intent ?? undefined,
    amountMinor: session.amount_total ?? 0,
    currency: session.currency ?? '',
    email: session.customer_details?.email ?? undefined,
    shipping: session.collected_information?.shipping_details ?? undefined,
  };
}

/** A completed session is paid only when it says so: with slow methods the money comes days later, or never. */
function outcomeOf(type: string, paymentStatus: z.infer<typeof sessionSchema>['payment_status']) {
  if (type === 'checkout.session.expired') return 'expired';
  if (type === 'checkout.session.async_payment_failed') return 'failed';
  return paymentStatus === 'unpaid' ? 'processing' : 'paid';
}

function readRefund(object: unknown): PaymentEvent | undefined {
  const { id, payment_intent, metadata, amount, status } = refundSchema.parse(object);
  if (!payment_intent) return undefined;
  return {
    kind: 'refund',
    refundId: id,
    paymentIntent: payment_intent,
    metadata,
    amountMinor: amount,
    status: refundStatusOf(status),
  };
}

/** Pending, requires_action, succeeded, failed, canceled (docs.stripe.com/api/refunds/object#refund_object-status). */
export function refundStatusOf(status: string | null | undefined): 'pending' | 'succeeded' | 'failed' {
  if (status === 'succeeded') return 'succeeded';
  return status === 'failed' || status === 'canceled' ? 'failed' : 'pending';
}

function readRefundedTotal(object: unknown, at: Date): PaymentEvent | undefined {
  const { payment_intent, metadata, amount_refunded } = chargeSchema.parse(object);
  if (!payment_intent) return undefined;
  return {
    kind: 'refunded_total',
    paymentIntent: payment_intent,
    metadata,
    amountMinor: amount_refunded,
    at,
  };
}

function readDispute(object: unknown): PaymentEvent | undefined {
  const { id, payment_intent, status } = disputeSchema.parse(object);
  if (!payment_intent) return undefined;
  return { kind: 'dispute', disputeId: id, paymentIntent: payment_intent, status: disputeStatusOf(status) };
}

function disputeStatusOf(status: string): DisputeStatus {
  if (status === 'lost') return 'lost';
  return ['won', 'warning_closed', 'prevented'].includes(status) ? 'won' : 'open';
}
