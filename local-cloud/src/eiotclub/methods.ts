import { z } from 'zod';
import type { Orders } from './orders.ts';
import { type Card, cardStatuses, type EiotclubState, type Order, type Package } from './state.ts';
import { dateText, moneyText } from './text.ts';

/** A method of the open platform: `parameters` are those beside appkey, timestamp, nonce and sign. */
export type Method = (parameters: Record<string, unknown>) => unknown;

const iccid = z.string().regex(/^\d{18,20}$/, 'must have 18 to 20 digits');
/** Numbers come as such or as text. */
const number = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const orderId = number(1, 999_999_999_999);
const outTradeNo = z.string().regex(/^[0-9A-Za-z_-]{1,32}$/, 'must have 1 to 32 letters or digits');
const paging = { page: number(1, 1_000_000).default(1), pageSize: number(1, 500).default(10) };
const listText = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .optional();
const state = number(0, 2);

/** The methods that the stand-in has, by group and name. */
export function createMethods(eiotclub: EiotclubState, orders: Orders): Record<string, Method> {
  const method =
    <S extends z.ZodType>(schema: S, handle: (parameters: z.output<S>) => unknown): Method =>
    (parameters) =>
      handle(schema.parse(parameters));
  const allOrders = () => [...eiotclub.orders.values()];
  const packagesOf = (productCode: string) =>
    eiotclub.packages().filter((one) => one.productCode === productCode);

  return {
    'package/orderPackage': method(
      z.object({ iccid, packageCode: z.string().min(1), outTradeNo, renew: z.unknown().optional() }),
      (given) => {
        const { iccid: card, packageCode, outTradeNo: handle } = given;
        return orderAnswer(orders.place({ iccid: card, packageCode, outTradeNo: handle }));
      },
    ),
    'package/refundPackage': method(
      z.object({ iccid, orderId, remark: z.string().min(1).max(200) }),
      (given) => orderAnswer(orders.refund(orders.order(given.iccid, given.orderId))),
    ),
    'package/queryRefundAmount': method(z.object({ iccid, orderId }), (given) => {
      const order = orders.order(given.iccid, given.orderId);
      return {
        orderId: order.orderId,
        orderAmount: moneyText(order.amountMinor),
        refundAmount: moneyText(orders.refundable(order)),
      };
    }),
    'package/queryPackage': method(z.object({ iccid, orderId }), (given) =>
      orderAnswer(orders.order(given.iccid, given.orderId)),
    ),
    'package/packageOrderRecord': method(z.object({ iccid, state: state.optional(), ...paging }), (given) => {
      orders.card(given.iccid);
      const fits = eiotclub
        .ordersOf(given.iccid)
        .filter((order) => given.state === undefined || order.state === given.state);
      return paged(fits.map(orderAnswer), given.page, given.pageSize);
    }),
    'package/getOrderPackageDetails': method(
      z.object({ state, ...paging, orderNumberArrStr: listText, outTradeNoArrStr: listText }),
      (given) => {
        const fits = allOrders().filter(
          (order) =>
            order.state === given.state &&
            (given.orderNumberArrStr?.includes(order.orderNumber) ?? true) &&
            (given.outTradeNoArrStr?.includes(order.outTradeNo) ?? true),
        );
        return paged(fits.map(orderAnswer), given.page, given.pageSize);
      },
    ),
    'package/listOrderPackageByIccid': method(z.object({ iccid }), (given) =>
      packagesOf(orders.card(given.iccid).productCode).map(packageAnswer),
    ),
    'package/listOrderPackageByProduct': method(z.object({ productCode: z.string().min(1) }), (given) =>
      packagesOf(given.productCode).map(packageAnswer),
    ),
    'package/queryOrderPackageByPackageCode': method(z.object({ packageCode: z.string().min(1) }), (given) =>
      eiotclub
        .packages()
        .filter(({ packageCode }) => packageCode === given.packageCode)
        .map(packageAnswer),
    ),
    'card/getAllCardInfo': method(
      z.object({
        pageNum: z.string('is a text').regex(/^[1-9]\d{0,6}$/),
        pageSize: number(1, 500),
        cardStatus: z.enum(cardStatuses).optional(),
        iccids: listText,
      }),
      (given) => {
        const fits = [...eiotclub.cards.values()].filter(
          (card) =>
            (given.cardStatus === undefined || card.cardStatus === given.cardStatus) &&
            (given.iccids?.includes(card.iccid) ?? true),
        );
        return paged(fits, Number(given.pageNum), given.pageSize);
      },
    ),
    'card/getCardsInfo': method(z.object({ iccid }), (given) =>
      cardAnswer(orders.card(given.iccid), eiotclub.ordersOf(given.iccid)),
    ),
    'card/product': method(z.object({ iccid }), (given) => {
      const { productCode, productName } = orders.card(given.iccid);
      return { iccid: given.iccid, productCode, productName };
    }),
    'agent/balance': method(z.object({}), () => ({ balance: moneyText(eiotclub.account.balanceMinor) })),
  };
}

function paged<T>(
  items: T[],
  page: number,
  size: number,
): { list: T[]; total: number; page: number; pageSize: number } {
  return { list: items.slice((page - 1) * size, page * size), total: items.length, page, pageSize: size };
}

function orderAnswer(order: Order): Record<string, unknown> {
  return {
    orderId: order.orderId,
    orderNumber: order.orderNumber,
    outTradeNo: order.outTradeNo,
    iccid: order.iccid,
    packageCode: order.packageCode,
    packageName: order.packageName,
    state: order.state,
    orderAmount: moneyText(order.amountMinor),
    refundAmount: order.refundedMinor === null ? null : moneyText(order.refundedMinor),
    totalFlow: order.totalMegabytes,
    usedFlow: order.usedMegabytes,
    remainFlow: order.totalMegabytes - order.usedMegabytes,
    orderTime: dateText(order.orderedAt),
    startDate: dateText(order.startedAt),
    endDate: dateText(order.endsAt),
  };
}

function packageAnswer(one: Package): Record<string, unknown> {
  const { packageCode, packageName, productCode, priceMinor, megabytes, days } = one;
  return { packageCode, packageName, productCode, price: moneyText(priceMinor), flow: megabytes, days };
}

function cardAnswer(card: Card, orders: Order[]): Record<string, unknown> {
  const inUse = orders.find((order) => order.state === 1);
  return { ...card, packageInfo: inUse === undefined ? null : orderAnswer(inUse) };
}
