import type { Store, Table } from '../kernel/store.ts';
import type {
  Charge,
  CheckoutSession,
  Dispute,
  LineItem,
  PaymentIntent,
  Refund,
  StripeEvent,
} from './objects.ts';
import type { CheckoutParams } from './params.ts';

interface Row<T> {
  sequence: number;
  object: T;
}

/** Objects by id, remembered in the order they were made: `created` has whole seconds only. */
export class Collection<T extends { id: string }> {
  readonly #table: Table<Row<T>>;

  constructor(table: Table<Row<T>>) {
    this.#table = table;
  }

  find(id: string): T | undefined {
    return this.#table.get(id)?.object;
  }

  put(object: T): T {
    const sequence = this.#table.get(object.id)?.sequence ?? this.#table.size;
    this.#table.put(object.id, { sequence, object });
    return object;
  }

  /** In no order that counts. */
  *values(): Generator<T> {
    for (const { object } of this.#table.values()) yield object;
  }

  newestFirst(): T[] {
    return [...this.#table.values()].toSorted((a, b) => b.sequence - a.sequence).map(({ object }) => object);
  }
}

/** A webhook endpoint, as an operator sets it up in the dashboard. */
export interface WebhookEndpoint {
  name: string;
  url: string;
  /** `whsec_…` */
  secret: string;
  /** Event types, or `*`. */
  enabledEvents: string[];
}

/** What a session needs beside its public face. */
export interface SessionDetails {
  lineItems: LineItem[];
  paymentIntentData: NonNullable<CheckoutParams['payment_intent_data']>;
}

/** The first answer to an idempotency key. */
export interface StoredAnswer {
  /** Method and path, and a digest of the parameters. */
  endpoint: string;
  fingerprint: string;
  requestId: string;
  status: number;
  body: string;
  /** Unix seconds. */
  createdAt: number;
}

/** Everything the account holds. */
export class StripeState {
  readonly sessions: Collection<CheckoutSession>;
  readonly sessionDetails: Table<SessionDetails>;
  readonly paymentIntents: Collection<PaymentIntent>;
  readonly charges: Collection<Charge>;
  readonly refunds: Collection<Refund>;
  readonly disputes: Collection<Dispute>;
  readonly events: Collection<StripeEvent>;
  readonly endpoints: Table<WebhookEndpoint>;
  readonly answers: Table<StoredAnswer>;

  constructor(store: Store) {
    this.sessions = new Collection(store.table('stripe.sessions'));
    this.sessionDetails = store.table('stripe.session-details');
    this.paymentIntents = new Collection(store.table('stripe.payment-intents'));
    this.charges = new Collection(store.table('stripe.charges'));
    this.refunds = new Collection(store.table('stripe.refunds'));
    this.disputes = new Collection(store.table('stripe.disputes'));
    this.events = new Collection(store.table('stripe.events'));
    this.endpoints = store.table('stripe.webhook-endpoints');
    this.answers = store.table('stripe.idempotency');
  }
}
