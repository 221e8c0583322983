import { z } from 'zod';
import type { AdminRoute } from '../kernel/admin-route.ts';
import { HttpRefusal } from '../kernel/http-answer.ts';
import type { Store } from '../kernel/store.ts';
import type { Notifications } from './notifications.ts';
import type { Orders } from './orders.ts';
import { type Account, cardStatuses, type EiotclubState } from './state.ts';
import { moneyText } from './text.ts';

const iccid = z.string().regex(/^\d{18,20}$/, 'must have 18 to 20 digits');
const money = z
  .string()
  .regex(/^\d{1,9}\.\d{2}$/, 'is an amount like 9.90')
  .transform((text) => Math.round(Number(text) * 100));
const accountSchema = z.strictObject({
  appKey: z.string().min(1).optional(),
  secret: z.string().min(1).optional(),
  balance: money.optional(),
  notifyUrl: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .optional(),
  notifySecret: z.string().min(1).optional(),
  effectiveAfterMs: z.int().min(0).nullable().optional(),
  freshTimestamps: z.boolean().optional(),
});
const cardsSchema = z.strictObject({
  cards: z
    .array(
      z.strictObject({
        iccid,
        imsi: z
          .string()
          .regex(/^\d{15}$/)
          .optional(),
        msisdn: z.string().regex(/^\d+$/).default(''),
        eid: z
          .string()
          .regex(/^\d{32}$/)
          .nullable()
          .default(null),
        cardStatus: z.enum(cardStatuses).default('NON_ACTIVATED_NAME'),
        productCode: z.string().min(1).default('P-GLOBAL'),
        productName: z.string().min(1).default('Global'),
      }),
    )
    .min(1)
    .max(100_000),
});
const packageSchema = z.strictObject({
  packageName: z.string().min(1),
  productCode: z.string().min(1).default('P-GLOBAL'),
  price: money,
  megabytes: z.int().positive(),
  days: z.int().positive(),
});
const drainSchema = z.strictObject({ leftMegabytes: z.int().min(0).default(0) });
const notifySchema = z.strictObject({
  event: z.string().min(1),
  members: z.record(z.string(), z.json()).default({}),
});
const replaySchema = z.strictObject({ times: z.int().min(1).max(100).default(1) });
const deliverySchema = z.strictObject({
  paused: z.boolean().optional(),
  parallel: z.int().min(1).max(64).optional(),
});
const orderSchema = z.strictObject({
  order: z.union([z.enum(['reverse', 'shuffle']), z.array(z.string()).min(1)]),
});

interface Parts {
  state: EiotclubState;
  store: Store;
  orders: Orders;
  notifications: Notifications;
}

/** What the carrier's staff, the network and time do to the account. */
export function adminRoutes(parts: Parts): AdminRoute[] {
  return [...accountRoutes(parts), ...cardRoutes(parts), ...notificationRoutes(parts)];
}

function accountRoutes({ state }: Parts): AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/_local/eiotclub/account',
      summary: 'The account, without its secrets',
      handle: () => shown(state.account),
    },
    {
      method: 'PUT',
      path: '/_local/eiotclub/account',
      summary:
        'Changes it: {"appKey"?,"secret"?,"balance"?,"notifyUrl"?,"notifySecret"?,"effectiveAfterMs"?:2000|null,"freshTimestamps"?}',
      handle: ({ body }) => {
        const { balance, ...change } = accountSchema.parse(body);
        const given = Object.entries({ ...change, balanceMinor: balance }).filter(
          ([, value]) => value !== undefined,
        );
        return shown(state.updateAccount(Object.fromEntries(given)));
      },
    },
    {
      method: 'PUT',
      path: '/_local/eiotclub/packages/{packageCode}',
      summary:
        'Makes or replaces a package: {"packageName","productCode"?,"price":"9.90","megabytes","days"}',
      handle: ({ params, body }) => {
        const { price, ...given } = packageSchema.parse(body);
        const one = { packageCode: params['packageCode'] ?? '', ...given, priceMinor: price };
        state.putPackage(one);
        return one;
      },
    },
  ];
}

function cardRoutes({ state, store, orders }: Parts): AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/_local/eiotclub/cards',
      summary: 'Cards and orders',
      handle: () => ({ cards: [...state.cards.values()], orders: [...state.orders.values()] }),
    },
    {
      method: 'POST',
      path: '/_local/eiotclub/cards',
      summary: 'Adds cards: {"cards":[{"iccid","imsi"?,"eid"?,"cardStatus"?,"productCode"?}]}',
      handle: ({ body }) => {
        const { cards } = cardsSchema.parse(body);
        store.transaction(() => {
          for (const card of cards)
            state.cards.put(card.iccid, { ...card, imsi: card.imsi ?? `454070${card.iccid.slice(-9)}` });
        });
        return { cards: state.cards.size };
      },
    },
    {
      method: 'POST',
      path: '/_local/eiotclub/cards/{iccid}/drain',
      summary: 'Uses data up: {"leftMegabytes"?:0}; tells of thresholds, ends the package at 0',
      handle: ({ params, body }) => {
        const { leftMegabytes } = drainSchema.parse(body ?? {});
        return store.transaction(() => orders.drain(params['iccid'] ?? '', leftMegabytes));
      },
    },
    {
      method: 'POST',
      path: '/_local/eiotclub/orders/{orderId}/effective',
      summary: 'Puts an order into effect now',
      handle: ({ params }) => store.transaction(() => orders.makeEffective(Number(params['orderId']))),
    },
    {
      method: 'POST',
      path: '/_local/eiotclub/orders/{orderId}/refund',
      summary: 'Refunds an order, as the carrier may by itself',
      handle: ({ params }) => {
        const order = state.findOrder(Number(params['orderId']));
        if (order === undefined) throw new HttpRefusal(404, `There is no order ${params['orderId']}`);
        if (orders.refundable(order) === 0)
          throw new HttpRefusal(409, 'Nothing of this order can be refunded');
        return store.transaction(() => orders.refund(order));
      },
    },
  ];
}

function notificationRoutes({ state, notifications }: Parts): AdminRoute[] {
  const { queue } = notifications;
  return [
    {
      method: 'GET',
      path: '/_local/eiotclub/notifications',
      summary: 'Notifications and their deliveries, oldest first',
      handle: () => ({
        ...queue.settings,
        notifications: [...state.notifications.values()],
        deliveries: queue.list(),
      }),
    },
    {
      method: 'POST',
      path: '/_local/eiotclub/notifications',
      summary: 'Sends one of your own: {"event":"UsageExhausted","members"?:{…}}',
      handle: ({ body }) => {
        const { event, members } = notifySchema.parse(body);
        if (state.account.notifyUrl === null)
          throw new HttpRefusal(409, 'Set notifyUrl by PUT /_local/eiotclub/account first');
        notifications.notify(event, members);
      },
    },
    {
      method: 'POST',
      path: '/_local/eiotclub/notifications/{id}/replay',
      summary: 'Sends one again: {"times"?:1}',
      handle: ({ params, body }) => ({
        deliveries: notifications.replay(params['id'] ?? '', replaySchema.parse(body ?? {}).times),
      }),
    },
    {
      method: 'PUT',
      path: '/_local/eiotclub/delivery',
      summary: 'Holds notifications back, or sends several at once: {"paused"?:true,"parallel"?:4}',
      handle: ({ body }) => {
        queue.configure(deliverySchema.parse(body));
        return queue.settings;
      },
    },
    {
      method: 'POST',
      path: '/_local/eiotclub/deliveries/reorder',
      summary: 'Changes the order of what waits: {"order":"reverse"|"shuffle"|[ids]}; pause first',
      handle: ({ body }) => {
        queue.reorder(orderSchema.parse(body).order);
      },
    },
  ];
}

function shown({
  secret: _secret,
  notifySecret: _other,
  balanceMinor,
  ...rest
}: Account): Record<string, unknown> {
  return { ...rest, balance: moneyText(balanceMinor) };
}
