import type { Clock } from '../kernel/clock.ts';
import { HttpRefusal } from '../kernel/http-answer.ts';
import type { Events } from './events.ts';
import { newId } from './ids.ts';
import {
  type Charge,
  type CheckoutSession,
  customerDetails,
  newCharge,
  newPaymentIntent,
  type Payer,
  type PaymentIntent,
  type Shipping,
} from './objects.ts';
import type { MethodType } from './params.ts';
import type { StripeState } from './state.ts';

/** How a payer pays: by a card that works, by one that is declined, or by a debit that settles days later. */
export type Attempt = 'card' | 'declined' | 'debit';

const failures = {
  declined: {
    code: 'card_declined',
    decline_code: 'generic_decline',
    message: 'Your card was declined.',
    type: 'card_error',
  },
  debit: {
    code: 'payment_intent_payment_attempt_failed',
    message: 'The payment failed: the bank account has insufficient funds.',
    type: 'invalid_request_error',
  },
} as const;

/** What the pay page and, days later, the bank do to a session. */
export class Payments {
  readonly #state: StripeState;
  readonly #events: Events;
  readonly #clock: Clock;

  constructor(state: StripeState, events: Events, clock: Clock) {
    this.#state = state;
    this.#events = events;
    this.#clock = clock;
  }

  /** An open session is completed, or, with a declined card, stays open. */
  pay(session: CheckoutSession, attempt: Attempt, payer: Payer): CheckoutSession {
    if (session.status !== 'open')
      throw new HttpRefusal(409, `This checkout is ${session.status} and takes no payment any more.`);
    const method: MethodType = attempt === 'debit' ? 'us_bank_account' : 'card';
    if (!session.payment_method_types.includes(method))
      throw new HttpRefusal(409, `This checkout does not take the payment method ${method}.`);
    if (session.amount_total === 0) return this.#complete(withPayer(session, payer), 'no_payment_required');
    const intent = this.#intentOf(session, payer);
    const charge = newCharge(intent, method, payer, this.#now());
    const current: CheckoutSession = { ...withPayer(session, payer), payment_intent: intent.id };
    if (attempt === 'declined') {
      this.#fail(intent, charge, 'declined');
      return this.#state.sessions.put({ ...session, payment_intent: intent.id });
    }
    if (attempt === 'debit') {
      const processing = this.#state.paymentIntents.put({
        ...intent,
        status: 'processing',
        latest_charge: charge.id,
        payment_method: charge.payment_method,
        last_payment_error: null,
      });
      this.#events.record('payment_intent.processing', processing);
      this.#events.record('charge.pending', this.#state.charges.put(charge));
      return this.#complete(current, 'unpaid');
    }
    this.#succeed(intent, charge);
    return this.#complete(current, 'paid');
  }

  /** The bank's word on a delayed payment. */
  settle(sessionId: string, outcome: 'failed' | 'succeeded'): CheckoutSession {
    const session = this.#state.sessions.find(sessionId);
    const intent = this.#state.paymentIntents.find(session?.payment_intent ?? '');
    const charge = this.#state.charges.find(intent?.latest_charge ?? '');
    if (session === undefined) throw new HttpRefusal(404, `There is no checkout session ${sessionId}`);
    if (intent?.status !== 'processing' || charge === undefined)
      throw new HttpRefusal(409, `No delayed payment is under way for ${sessionId}`);
    if (outcome === 'failed') {
      this.#fail(intent, charge, 'debit');
      this.#events.record('checkout.session.async_payment_failed', session);
      return session;
    }
    this.#succeed(intent, charge);
    const paid = this.#state.sessions.put({ ...session, payment_status: 'paid' });
    this.#events.record('checkout.session.async_payment_succeeded', paid);
    return paid;
  }

  /** Made at the first attempt, kept for the next ones. */
  #intentOf(session: CheckoutSession, payer: Payer): PaymentIntent {
    const existing = this.#state.paymentIntents.find(session.payment_intent ?? '');
    if (existing !== undefined) return existing;
    const data = this.#state.sessionDetails.get(session.id)?.paymentIntentData ?? {};
    const made = newPaymentIntent(session, data, this.#now());
    const intent = this.#state.paymentIntents.put({ ...made, shipping: shippingOf(session, payer) });
    this.#events.record('payment_intent.created', intent);
    return intent;
  }

  #succeed(intent: PaymentIntent, charge: Charge): void {
    const paid = this.#state.charges.put({
      ...charge,
      amount_captured: charge.amount,
      balance_transaction: newId('txn_3'),
      captured: true,
      paid: true,
      status: 'succeeded',
    });
    this.#events.record('charge.succeeded', paid);
    const done = this.#state.paymentIntents.put({
      ...intent,
      amount_received: intent.amount,
      last_payment_error: null,
      latest_charge: charge.id,
      payment_method: charge.payment_method,
      status: 'succeeded',
    });
    this.#events.record('payment_intent.succeeded', done);
  }

  #fail(intent: PaymentIntent, charge: Charge, why: keyof typeof failures): void {
    const failure = failures[why];
    const failed = this.#state.charges.put({
      ...charge,
      failure_code: failure.code,
      failure_message: failure.message,
      status: 'failed',
    });
    this.#events.record('charge.failed', failed);
    const waiting = this.#state.paymentIntents.put({
      ...intent,
      last_payment_error: failure,
      latest_charge: charge.id,
      payment_method: null,
      status: 'requires_payment_method',
    });
    this.#events.record('payment_intent.payment_failed', waiting);
  }

  #complete(session: CheckoutSession, status: CheckoutSession['payment_status']): CheckoutSession {
    const complete = this.#state.sessions.put({
      ...session,
      payment_status: status,
      status: 'complete',
      url: null,
    });
    this.#events.record('checkout.session.completed', complete);
    return complete;
  }

  #now(): number {
    return Math.floor(this.#clock.nowSeconds());
  }
}

function withPayer(session: CheckoutSession, payer: Payer): CheckoutSession {
  const shipping = shippingOf(session, payer);
  return {
    ...session,
    customer_details: customerDetails(payer),
    collected_information: {
      business_name: null,
      individual_name: null,
      shipping_details: shipping === null ? null : { address: shipping.address, name: shipping.name },
    },
  };
}

function shippingOf(session: CheckoutSession, payer: Payer): Shipping | null {
  if (session.shipping_address_collection === null || payer.address === null) return null;
  return {
    address: payer.address,
    carrier: null,
    name: payer.name,
    phone: payer.phone,
    tracking_number: null,
  };
}
