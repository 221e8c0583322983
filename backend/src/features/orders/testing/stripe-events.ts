import { randomUUID } from 'node:crypto';

/** Stripe's events as they come over the wire, cut down to what their documentation promises and we read. */
export interface EventJson {
  id: string;
  object: 'event';
  api_version: string;
  type: string;
  created: number;
  livemode: boolean;
  data: { object: Record<string, unknown> };
}

/** Of one order, paid with the payment intent `pi_<order id>`. */
export class StripeEventsOf {
  readonly orderId: string;
  readonly paymentIntent: string;
  readonly #totalMinor: number;
  readonly #createdSeconds: number;

  constructor(orderId: string, totalMinor: number, createdSeconds: number) {
    this.orderId = orderId;
    this.paymentIntent = `pi_${orderId.replaceAll('-', '')}`;
    this.#totalMinor = totalMinor;
    this.#createdSeconds = createdSeconds;
  }

  session(type: string, change: Record<string, unknown> = {}): EventJson {
    return this.#event(`checkout.session.${type}`, {
      id: `cs_test_${this.orderId}`,
      object: 'checkout.session',
      amount_total: this.#totalMinor,
      currency: 'usd',
      metadata: { type: 'order', order_id: this.orderId },
      payment_intent: this.paymentIntent,
      payment_status: 'paid',
      customer_details: { email: 'canary-customer@example.com', name: 'Ada' },
      collected_information: {
        shipping_details: { name: 'Ada', address: { line1: '1 Main St', country: 'US' } },
      },
      ...change,
    });
  }

  completed(change: Record<string, unknown> = {}): EventJson {
    return this.session('completed', change);
  }

  expired(): EventJson {
    return this.session('expired', {
      payment_intent: null,
      payment_status: 'unpaid',
      customer_details: null,
      collected_information: null,
    });
  }

  refund(
    type: 'created' | 'updated' | 'failed',
    { id, amount, status }: { id: string; amount: number; status: string },
    metadata: Record<string, string> = {},
  ): EventJson {
    const payment_intent = this.paymentIntent;
    return this.#event(`refund.${type}`, { id, object: 'refund', amount, status, payment_intent, metadata });
  }

  chargeRefunded(amount_refunded: number, afterSeconds = 0): EventJson {
    const event = this.#event('charge.refunded', {
      id: 'ch_1',
      object: 'charge',
      amount_refunded,
      payment_intent: this.paymentIntent,
      metadata: { type: 'order', order_id: this.orderId },
    });
    return { ...event, created: event.created + afterSeconds };
  }

  dispute(type: 'created' | 'updated' | 'closed', status: string): EventJson {
    const object = { id: 'du_1', object: 'dispute', payment_intent: this.paymentIntent, status };
    return this.#event(`charge.dispute.${type}`, object);
  }

  #event(type: string, object: Record<string, unknown>): EventJson {
    return {
      id: `evt_${randomUUID().replaceAll('-', '')}`,
      object: 'event',
      api_version: '2026-10-28.endive',
      type,
      created: this.#createdSeconds,
      livemode: false,
      data: { object },
    };
  }
}
