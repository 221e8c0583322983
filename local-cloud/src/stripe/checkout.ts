import type { Clock } from '../kernel/clock.ts';
import { noSuch, StripeError } from './errors.ts';
import type { Events } from './events.ts';
import { type CheckoutSession, type LineItem, type Metadata, newLineItem, newSession } from './objects.ts';
import type { CheckoutParams } from './params.ts';
import type { StripeState } from './state.ts';

export const shortestLifeSeconds = 30 * 60;
export const longestLifeSeconds = 24 * 60 * 60;
/** Stripe charges no less than the equivalent of half a dollar. */
const leastAmount = 50;

/** Checkout Sessions up to the payment (docs.stripe.com/api/checkout/sessions). */
export class Checkout {
  readonly #state: StripeState;
  readonly #events: Events;
  readonly #clock: Clock;
  readonly #baseUrl: () => string;

  constructor(state: StripeState, events: Events, clock: Clock, baseUrl: () => string) {
    this.#state = state;
    this.#events = events;
    this.#clock = clock;
    this.#baseUrl = baseUrl;
  }

  create(params: CheckoutParams): CheckoutSession {
    const created = Math.floor(this.#clock.nowSeconds());
    checkLife(params.expires_at, created);
    const [first, ...others] = params.line_items.map(({ price_data: price, quantity, metadata }) =>
      newLineItem(
        { quantity, metadata: metadata ?? {} },
        { currency: price.currency, unitAmount: price.unit_amount, name: price.product_data.name },
        created,
      ),
    );
    if (first === undefined) throw new StripeError('Missing required param: line_items.');
    const lineItems = [first, ...others];
    if (others.some(({ currency }) => currency !== first.currency))
      throw new StripeError('All line items must have the same currency.', { param: 'line_items' });
    const amount = lineItems.reduce((sum, item) => sum + item.amount_total, 0);
    if (amount > 0 && amount < leastAmount)
      throw new StripeError(
        `The Checkout Session's total amount due must add up to at least 0.50 ${first.currency}`,
        { code: 'amount_too_small' },
      );
    const session = newSession(params, {
      created,
      baseUrl: this.#baseUrl(),
      amount,
      currency: first.currency,
    });
    this.#state.sessionDetails.put(session.id, {
      lineItems,
      paymentIntentData: params.payment_intent_data ?? {},
    });
    return this.#state.sessions.put(session);
  }

  get(id: string): CheckoutSession {
    const session = this.#state.sessions.find(id);
    if (session === undefined) throw noSuch('checkout.session', id, 'session');
    return session;
  }

  lineItems(id: string): LineItem[] {
    this.get(id);
    return this.#state.sessionDetails.get(id)?.lineItems ?? [];
  }

  /** Adds to the metadata. */
  update(id: string, metadata: Metadata | undefined): CheckoutSession {
    const session = this.get(id);
    return this.#state.sessions.put({ ...session, metadata: { ...session.metadata, ...metadata } });
  }

  expire(id: string): CheckoutSession {
    const session = this.get(id);
    if (session.status !== 'open')
      throw new StripeError(
        `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${session.status}\`.`,
      );
    return this.#expire(session);
  }

  /** Expires what is over its time. */
  expireDue(): void {
    const now = this.#clock.nowSeconds();
    const due = [...this.#state.sessions.values()].filter(
      ({ status, expires_at }) => status === 'open' && expires_at <= now,
    );
    for (const session of due) this.#expire(session);
  }

  #expire(session: CheckoutSession): CheckoutSession {
    const expired = this.#state.sessions.put({ ...session, status: 'expired', url: null });
    this.#events.record('checkout.session.expired', expired);
    return expired;
  }
}

function checkLife(expiresAt: number | undefined, now: number): void {
  if (expiresAt === undefined) return;
  const refuse = (rule: string) =>
    new StripeError(`The \`expires_at\` timestamp must be ${rule} from Checkout Session creation.`, {
      param: 'expires_at',
    });
  if (expiresAt < now + shortestLifeSeconds) throw refuse('at least 30 minutes');
  if (expiresAt > now + longestLifeSeconds) throw refuse('less than 24 hours');
}
