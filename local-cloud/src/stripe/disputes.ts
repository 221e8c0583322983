import type { Clock } from '../kernel/clock.ts';
import { HttpRefusal } from '../kernel/http-answer.ts';
import { noSuch, StripeError } from './errors.ts';
import type { Events } from './events.ts';
import { type Dispute, newDispute } from './objects.ts';
import type { StripeState } from './state.ts';

/** Chargebacks and inquiries: a card holder's bank opens and closes them (docs.stripe.com/disputes). */
export class Disputes {
  readonly #state: StripeState;
  readonly #events: Events;
  readonly #clock: Clock;

  constructor(state: StripeState, events: Events, clock: Clock) {
    this.#state = state;
    this.#events = events;
    this.#clock = clock;
  }

  /** An inquiry takes no money yet; a chargeback takes it at once. */
  open(intentId: string, given: { reason: string; amount?: number | undefined; inquiry: boolean }): Dispute {
    const intent = this.#state.paymentIntents.find(intentId);
    const charge = this.#state.charges.find(intent?.latest_charge ?? '');
    if (charge?.status !== 'succeeded')
      throw new HttpRefusal(404, `There is no paid payment intent ${intentId}`);
    if (charge.disputed) throw new HttpRefusal(409, `${charge.id} is disputed already`);
    const dispute = this.#state.disputes.put(
      newDispute(
        charge,
        {
          amount: given.amount ?? charge.amount,
          reason: given.reason,
          status: given.inquiry ? 'warning_needs_response' : 'needs_response',
        },
        Math.floor(this.#clock.nowSeconds()),
      ),
    );
    this.#state.charges.put({ ...charge, disputed: true });
    this.#events.record('charge.dispute.created', dispute);
    if (!given.inquiry) this.#events.record('charge.dispute.funds_withdrawn', dispute);
    return dispute;
  }

  get(id: string): Dispute {
    const dispute = this.#state.disputes.find(id);
    if (dispute === undefined) throw noSuch('dispute', id);
    return dispute;
  }

  /** The bank's judgement; an inquiry can only be closed as `warning_closed`. */
  close(id: string, outcome: 'lost' | 'warning_closed' | 'won'): Dispute {
    const dispute = this.#state.disputes.find(id);
    if (dispute === undefined) throw new HttpRefusal(404, `There is no dispute ${id}`);
    const inquiry = dispute.status === 'warning_needs_response';
    if (!inquiry && dispute.status !== 'needs_response')
      throw new HttpRefusal(409, `The dispute ${id} is ${dispute.status} already`);
    if (inquiry !== (outcome === 'warning_closed'))
      throw new HttpRefusal(
        409,
        `The dispute ${id} is ${inquiry ? 'an inquiry: close it as warning_closed' : 'a chargeback: close it as won or lost'}`,
      );
    return this.#close(dispute, outcome);
  }

  /** The merchant gives in, by the API. */
  accept(id: string): Dispute {
    const dispute = this.get(id);
    if (dispute.status !== 'needs_response')
      throw new StripeError(`This dispute is already closed: its status is ${dispute.status}.`);
    return this.#close(dispute, 'lost');
  }

  #close(dispute: Dispute, status: 'lost' | 'warning_closed' | 'won'): Dispute {
    const closed = this.#state.disputes.put({ ...dispute, status });
    this.#events.record('charge.dispute.closed', closed, { status: dispute.status });
    if (status === 'won') this.#events.record('charge.dispute.funds_reinstated', closed);
    return closed;
  }
}
