import type { Clock } from '../kernel/clock.ts';
import type { Faults } from '../kernel/faults.ts';
import { HttpRefusal } from '../kernel/http-answer.ts';
import { noSuch, StripeError } from './errors.ts';
import type { Events } from './events.ts';
import { newId } from './ids.ts';
import { type Charge, newRefund, type Refund } from './objects.ts';
import type { RefundParams } from './params.ts';
import type { StripeState } from './state.ts';

/** Money on its way back (docs.stripe.com/api/refunds). */
export class Refunds {
  readonly #state: StripeState;
  readonly #events: Events;
  readonly #clock: Clock;
  readonly #faults: Faults;

  constructor(state: StripeState, events: Events, clock: Clock, faults: Faults) {
    this.#state = state;
    this.#events = events;
    this.#clock = clock;
    this.#faults = faults;
  }

  create(params: RefundParams): Refund {
    const charge = this.#chargeOf(params);
    const left = charge.amount_captured - charge.amount_refunded;
    if (left === 0)
      throw new StripeError(`Charge ${charge.id} has already been refunded.`, {
        code: 'charge_already_refunded',
      });
    const amount = params.amount ?? left;
    if (amount <= 0) throw new StripeError('Invalid positive integer', { param: 'amount' });
    if (amount > left)
      throw new StripeError(
        `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`,
        { param: 'amount' },
      );
    const made = newRefund(
      charge,
      { amount, reason: params.reason, metadata: params.metadata ?? {} },
      Math.floor(this.#clock.nowSeconds()),
    );
    const fault = this.#faults.take('stripe', 'refund-outcome', charge.payment_intent);
    const pending = fault?.kind === 'custom' && fault.name === 'pending-refund';
    const refund = this.#state.refunds.put(
      pending ? { ...made, status: 'pending', pending_reason: 'processing' } : made,
    );
    this.#events.record('refund.created', refund);
    this.#giveBack(charge, amount);
    return refund;
  }

  get(id: string): Refund {
    const refund = this.#state.refunds.find(id);
    if (refund === undefined) throw noSuch('refund', id);
    return refund;
  }

  /** The bank's word: a pending refund arrives, or any refund fails, also one that had succeeded. */
  settle(id: string, outcome: 'failed' | 'succeeded'): Refund {
    const refund = this.#state.refunds.find(id);
    if (refund === undefined) throw new HttpRefusal(404, `There is no refund ${id}`);
    if (refund.status === 'failed' || (outcome === 'succeeded' && refund.status !== 'pending'))
      throw new HttpRefusal(409, `The refund ${id} is ${refund.status} already`);
    const { pending_reason: _over, ...rest } = refund;
    if (outcome === 'succeeded') {
      const done = this.#state.refunds.put({ ...rest, status: 'succeeded' });
      this.#events.record('refund.updated', done, { status: refund.status });
      return done;
    }
    const failed = this.#state.refunds.put({
      ...rest,
      failure_balance_transaction: newId('txn_3'),
      failure_reason: 'expired_or_canceled_card',
      status: 'failed',
    });
    // The money is on the merchant's balance again.
    const charge = this.#state.charges.find(refund.charge);
    if (charge !== undefined)
      this.#state.charges.put({
        ...charge,
        amount_refunded: charge.amount_refunded - refund.amount,
        refunded: false,
      });
    this.#events.record('refund.updated', failed, { status: refund.status });
    this.#events.record('refund.failed', failed);
    return failed;
  }

  #giveBack(charge: Charge, amount: number): void {
    const total = charge.amount_refunded + amount;
    const after = this.#state.charges.put({
      ...charge,
      amount_refunded: total,
      refunded: total === charge.amount_captured,
    });
    this.#events.record('charge.refunded', after, {
      amount_refunded: charge.amount_refunded,
      ...(after.refunded ? { refunded: false } : {}),
    });
  }

  #chargeOf({ charge: chargeId, payment_intent: intentId }: RefundParams): Charge {
    if (chargeId === undefined && intentId === undefined)
      throw new StripeError(
        'One of the following params should be provided for this request: payment_intent or charge.',
      );
    const intent = intentId === undefined ? undefined : this.#state.paymentIntents.find(intentId);
    if (intentId !== undefined && intent === undefined)
      throw noSuch('payment_intent', intentId, 'payment_intent');
    const id = chargeId ?? intent?.latest_charge ?? '';
    const charge = this.#state.charges.find(id);
    if (chargeId !== undefined && charge === undefined) throw noSuch('charge', chargeId, 'charge');
    if (charge === undefined || (intent !== undefined && charge.payment_intent !== intent.id))
      throw new StripeError(`This PaymentIntent (${intentId}) does not have a successful charge to refund.`);
    if (charge.status !== 'succeeded')
      throw new StripeError(`Charge ${charge.id} has not been captured: its status is ${charge.status}.`);
    if (charge.disputed && this.#hasLostFunds(charge.id))
      throw new StripeError(`Charge ${charge.id} has been charged back; cannot issue a refund.`, {
        code: 'charge_disputed',
      });
    return charge;
  }

  #hasLostFunds(chargeId: string): boolean {
    return this.#state.disputes
      .newestFirst()
      .some(
        ({ charge, status }) => charge === chargeId && (status === 'needs_response' || status === 'lost'),
      );
  }
}
