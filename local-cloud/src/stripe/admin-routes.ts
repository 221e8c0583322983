import { z } from 'zod';
import type { AdminRoute } from '../kernel/admin-route.ts';
import { HttpRefusal } from '../kernel/http-answer.ts';
import type { Store } from '../kernel/store.ts';
import type { Disputes } from './disputes.ts';
import type { Events } from './events.ts';
import { successUrl } from './pay-routes.ts';
import type { Payments } from './payments.ts';
import type { Refunds } from './refunds.ts';
import type { StripeState } from './state.ts';

const endpointSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  secret: z.string().regex(/^whsec_\w{8,}$/, 'starts with whsec_, at least 8 letters or digits follow'),
  enabledEvents: z.array(z.string().min(1)).min(1).default(['*']),
});
const payerSchema = z.strictObject({
  attempt: z.enum(['card', 'declined', 'debit']).default('card'),
  email: z.email().default('payer@example.com'),
  name: z.string().min(1).default('Pat Payer'),
  phone: z.string().nullable().default(null),
  address: z
    .strictObject({
      line1: z.string(),
      line2: z.string().nullable().default(null),
      postal_code: z.string(),
      city: z.string(),
      state: z.string().nullable().default(null),
      country: z.string().length(2),
    })
    .nullable()
    .default(null),
});
const outcomeSchema = z.strictObject({ outcome: z.enum(['failed', 'succeeded']) });
const disputeSchema = z.strictObject({
  payment_intent: z.string(),
  reason: z.string().default('fraudulent'),
  amount: z.int().positive().optional(),
  inquiry: z.boolean().default(false),
});
const closeSchema = z.strictObject({ outcome: z.enum(['lost', 'warning_closed', 'won']) });
const replaySchema = z.strictObject({
  endpoint: z.string().optional(),
  times: z.int().min(1).max(100).default(1),
});
const deliverySchema = z.strictObject({
  paused: z.boolean().optional(),
  parallel: z.int().min(1).max(64).optional(),
});
const orderSchema = z.strictObject({
  order: z.union([z.enum(['reverse', 'shuffle']), z.array(z.string()).min(1)]),
});

interface Parts {
  state: StripeState;
  store: Store;
  events: Events;
  payments: Payments;
  refunds: Refunds;
  disputes: Disputes;
}

/** What payers, banks and operators do, and what may go wrong with webhooks. */
export function adminRoutes(parts: Parts): AdminRoute[] {
  return [...endpointRoutes(parts), ...eventRoutes(parts), ...moneyRoutes(parts)];
}

function endpointRoutes({ state }: Parts): AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/_local/stripe/webhook-endpoints',
      summary: 'Webhook endpoints, without their secrets',
      handle: () => ({
        endpoints: [...state.endpoints.values()].map(({ secret: _secret, ...shown }) => shown),
      }),
    },
    {
      method: 'PUT',
      path: '/_local/stripe/webhook-endpoints/{name}',
      summary: 'Makes or replaces one: {"url","secret":"whsec_…","enabledEvents"?:["*"]}',
      handle: ({ params, body }) => {
        const name = params['name'] ?? '';
        const { secret, ...shown } = endpointSchema.parse(body);
        state.endpoints.put(name, { name, secret, ...shown });
        return { name, ...shown };
      },
    },
    {
      method: 'DELETE',
      path: '/_local/stripe/webhook-endpoints/{name}',
      summary: 'Removes one',
      handle: ({ params }) => {
        if (!state.endpoints.delete(params['name'] ?? ''))
          throw new HttpRefusal(404, `There is no webhook endpoint ${params['name']}`);
      },
    },
  ];
}

function eventRoutes({ state, events }: Parts): AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/_local/stripe/events',
      summary: 'What happened, newest first',
      handle: () => ({ events: state.events.newestFirst() }),
    },
    {
      method: 'POST',
      path: '/_local/stripe/events/{id}/replay',
      summary: 'Sends an event again: {"endpoint"?,"times"?:1}',
      handle: ({ params, body }) => ({
        deliveries: events.replay(params['id'] ?? '', replaySchema.parse(body ?? {})),
      }),
    },
    {
      method: 'GET',
      path: '/_local/stripe/deliveries',
      summary: 'Deliveries, oldest first, with their attempts',
      handle: () => ({ ...events.queue.settings, deliveries: events.queue.list() }),
    },
    {
      method: 'PUT',
      path: '/_local/stripe/delivery',
      summary: 'Holds deliveries back, or sends several at once: {"paused"?:true,"parallel"?:4}',
      handle: ({ body }) => {
        events.queue.configure(deliverySchema.parse(body));
        return events.queue.settings;
      },
    },
    {
      method: 'POST',
      path: '/_local/stripe/deliveries/reorder',
      summary: 'Changes the order of what waits: {"order":"reverse"|"shuffle"|[ids]}; pause first',
      handle: ({ body }) => {
        events.queue.reorder(orderSchema.parse(body).order);
      },
    },
  ];
}

function moneyRoutes({ state, store, payments, refunds, disputes }: Parts): AdminRoute[] {
  return [
    {
      method: 'POST',
      path: '/_local/stripe/sessions/{id}/pay',
      summary:
        'Pays without the page: {"attempt"?:"card"|"declined"|"debit","email"?,"name"?,"phone"?,"address"?}',
      handle: ({ params, body }) => {
        const session = state.sessions.find(params['id'] ?? '');
        if (session === undefined) throw new HttpRefusal(404, `There is no checkout session ${params['id']}`);
        const { attempt, ...payer } = payerSchema.parse(body ?? {});
        const after = store.transaction(() => payments.pay(session, attempt, payer));
        return { ...after, redirect: after.status === 'complete' ? successUrl(after) : null };
      },
    },
    {
      method: 'POST',
      path: '/_local/stripe/sessions/{id}/settle',
      summary: 'The bank\'s word on a delayed payment: {"outcome":"succeeded"|"failed"}',
      handle: ({ params, body }) => {
        const { outcome } = outcomeSchema.parse(body);
        return store.transaction(() => payments.settle(params['id'] ?? '', outcome));
      },
    },
    {
      method: 'POST',
      path: '/_local/stripe/refunds/{id}/settle',
      summary: 'A pending refund arrives, or any refund fails: {"outcome":"succeeded"|"failed"}',
      handle: ({ params, body }) => {
        const { outcome } = outcomeSchema.parse(body);
        return store.transaction(() => refunds.settle(params['id'] ?? '', outcome));
      },
    },
    {
      method: 'POST',
      path: '/_local/stripe/disputes',
      summary: 'Opens a dispute: {"payment_intent","reason"?,"amount"?,"inquiry"?:false}',
      handle: ({ body }) => {
        const { payment_intent: intent, ...given } = disputeSchema.parse(body);
        return store.transaction(() => disputes.open(intent, given));
      },
    },
    {
      method: 'POST',
      path: '/_local/stripe/disputes/{id}/close',
      summary: 'Closes one: {"outcome":"won"|"lost"|"warning_closed"}',
      handle: ({ params, body }) => {
        const { outcome } = closeSchema.parse(body);
        return store.transaction(() => disputes.close(params['id'] ?? '', outcome));
      },
    },
  ];
}
