import type { z } from 'zod';
import { PathPattern } from '../kernel/path-pattern.ts';
import type { Checkout } from './checkout.ts';
import type { Disputes } from './disputes.ts';
import { noSuch, paramError } from './errors.ts';
import { expand } from './expansion.ts';
import type { FormTree } from './form.ts';
import { pageOf } from './lists.ts';
import { checkoutParams, expandParams, listParams, refundParams, sessionUpdateParams } from './params.ts';
import type { Refunds } from './refunds.ts';
import type { Collection, StripeState } from './state.ts';

/** One call of the REST API. */
export interface Operation {
  /** For faults and logs. */
  name: string;
  method: 'GET' | 'POST';
  pattern: PathPattern;
  /** Checks the parameters and returns what carries the call out; `id` is the one in the path. */
  prepare(params: FormTree, id: string): () => unknown;
}

interface Parts {
  state: StripeState;
  checkout: Checkout;
  refunds: Refunds;
  disputes: Disputes;
  /** How many deliveries of an event are still under way or given up. */
  undelivered: (eventId: string) => number;
}

/** The part of Stripe's API that the stand-in has. */
export function createOperations({ state, checkout, refunds, disputes, undelivered }: Parts): Operation[] {
  function operation<S extends z.ZodType<{ expand?: string[] | undefined }>>(
    name: string,
    method: Operation['method'],
    path: string,
    schema: S,
    handle: (params: z.output<S>, id: string) => unknown,
  ): Operation {
    return {
      name,
      method,
      pattern: new PathPattern(path),
      prepare: (given, id) => {
        const parsed = schema.safeParse(given);
        if (!parsed.success) throw paramError(parsed.error, given);
        return () => expand(handle(parsed.data, id), parsed.data.expand, state);
      },
    };
  }
  const retrieve = <T extends { id: string }>(
    name: string,
    kind: string,
    path: string,
    objects: Collection<T>,
  ): Operation =>
    operation(name, 'GET', path, expandParams, (_params, id) => {
      const object = objects.find(id);
      if (object === undefined) throw noSuch(kind, id);
      return object;
    });
  const ofPayment = (
    given: { payment_intent?: string | undefined; charge?: string | undefined },
    object: { payment_intent: string; charge?: string },
  ) =>
    (given.payment_intent === undefined || object.payment_intent === given.payment_intent) &&
    (given.charge === undefined || object.charge === given.charge);

  return [
    operation('checkout.sessions.create', 'POST', '/v1/checkout/sessions', checkoutParams, (params) =>
      checkout.create(params),
    ),
    operation('checkout.sessions.list', 'GET', '/v1/checkout/sessions', listParams.sessions, (params) =>
      pageOf(
        state.sessions
          .newestFirst()
          .filter(
            (one) =>
              (params.payment_intent === undefined || one.payment_intent === params.payment_intent) &&
              (params.status === undefined || one.status === params.status) &&
              (params.customer_details === undefined ||
                one.customer_details?.email === params.customer_details.email),
          ),
        '/v1/checkout/sessions',
        params,
      ),
    ),
    operation(
      'checkout.sessions.retrieve',
      'GET',
      '/v1/checkout/sessions/{id}',
      expandParams,
      (_params, id) => checkout.get(id),
    ),
    operation(
      'checkout.sessions.update',
      'POST',
      '/v1/checkout/sessions/{id}',
      sessionUpdateParams,
      ({ metadata }, id) => checkout.update(id, metadata),
    ),
    operation(
      'checkout.sessions.expire',
      'POST',
      '/v1/checkout/sessions/{id}/expire',
      expandParams,
      (_params, id) => checkout.expire(id),
    ),
    operation(
      'checkout.sessions.listLineItems',
      'GET',
      '/v1/checkout/sessions/{id}/line_items',
      listParams.lineItems,
      (params, id) => pageOf(checkout.lineItems(id), `/v1/checkout/sessions/${id}/line_items`, params),
    ),
    operation('paymentIntents.list', 'GET', '/v1/payment_intents', listParams.paymentIntents, (params) =>
      pageOf(state.paymentIntents.newestFirst(), '/v1/payment_intents', params),
    ),
    retrieve('paymentIntents.retrieve', 'payment_intent', '/v1/payment_intents/{id}', state.paymentIntents),
    operation('charges.list', 'GET', '/v1/charges', listParams.charges, (params) =>
      pageOf(
        state.charges.newestFirst().filter((one) => ofPayment(params, one)),
        '/v1/charges',
        params,
      ),
    ),
    retrieve('charges.retrieve', 'charge', '/v1/charges/{id}', state.charges),
    operation('refunds.create', 'POST', '/v1/refunds', refundParams, (params) => refunds.create(params)),
    operation('refunds.list', 'GET', '/v1/refunds', listParams.refunds, (params) =>
      pageOf(
        state.refunds.newestFirst().filter((one) => ofPayment(params, one)),
        '/v1/refunds',
        params,
      ),
    ),
    retrieve('refunds.retrieve', 'refund', '/v1/refunds/{id}', state.refunds),
    operation('disputes.list', 'GET', '/v1/disputes', listParams.disputes, (params) =>
      pageOf(
        state.disputes.newestFirst().filter((one) => ofPayment(params, one)),
        '/v1/disputes',
        params,
      ),
    ),
    retrieve('disputes.retrieve', 'dispute', '/v1/disputes/{id}', state.disputes),
    operation('disputes.close', 'POST', '/v1/disputes/{id}/close', expandParams, (_params, id) =>
      disputes.accept(id),
    ),
    operation('events.list', 'GET', '/v1/events', listParams.events, (params) =>
      pageOf(
        state.events
          .newestFirst()
          .filter(
            ({ id, type }) =>
              (params.type === undefined || fitsType(type, params.type)) &&
              (params.types?.includes(type) ?? true) &&
              (params.delivery_success === undefined || params.delivery_success === (undelivered(id) === 0)),
          ),
        '/v1/events',
        params,
      ),
    ),
    retrieve('events.retrieve', 'event', '/v1/events/{id}', state.events),
  ];
}

/** `charge.*` takes all that begin with `charge.`. */
function fitsType(type: string, wanted: string): boolean {
  return wanted.endsWith('*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
}
