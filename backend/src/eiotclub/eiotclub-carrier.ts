import type { CarrierOrder, SimCarrier } from '../features/data-plans/sim-carrier.ts';
import type { CardDirectory, CarrierCard } from '../features/sim/card-directory.ts';
import {
  cardListSchema,
  orderDetailsSchema,
  placedOrderSchema,
  refundedOrderSchema,
} from './carrier-answers.ts';
import type { EiotclubClient } from './client.ts';

/** The most the carrier puts on one page of cards. */
const cardsPerPage = 500;

/** `state` of an order's package, those first that are asked for most. */
const states = [
  ['1', 'in_use'],
  ['0', 'waiting'],
  ['2', 'done'],
] as const;

const cardStatuses: Readonly<Record<string, CarrierCard['status']>> = {
  ACTIVATION_READY_NAME: 'provisioned',
  NON_ACTIVATED_NAME: 'provisioned',
  ACTIVATED_NAME: 'active',
  DEACTIVATED_NAME: 'suspended',
  RETIRED_NAME: 'stopped',
};

/** Orders and cards at EIOTCLUB. */
export class EiotclubCarrier implements SimCarrier, CardDirectory {
  readonly #client: EiotclubClient;

  constructor(client: EiotclubClient) {
    this.#client = client;
  }

  async placeOrder(
    order: { iccid: string; packageCode: string; outTradeNo: string },
    signal: AbortSignal,
  ): Promise<{ orderId: string | undefined }> {
    const { iccid, packageCode, outTradeNo } = order;
    const orderId = await this.#client.call(
      'package/orderPackage',
      { iccid, packageCode, outTradeNo },
      { schema: placedOrderSchema, signal },
    );
    return { orderId };
  }

  async cancelOrder(
    { iccid, orderId }: { iccid: string; orderId: string },
    signal: AbortSignal,
  ): Promise<void> {
    const remark = 'the customer was paid back';
    await this.#client.call(
      'package/refundPackage',
      { iccid, orderId, remark },
      { schema: refundedOrderSchema, signal },
    );
  }

  /** The method wants a state, so up to three questions. */
  async findOrder(outTradeNo: string, signal: AbortSignal): Promise<CarrierOrder | undefined> {
    for (const [code, state] of states) {
      const orders = await this.#client.call(
        'package/getOrderPackageDetails',
        { state: Number(code), page: 1, pageSize: 50, outTradeNoArrStr: outTradeNo },
        { schema: orderDetailsSchema, signal },
      );
      const found = orders.find(
        (order) => order.state === code && (order.outTradeNo ?? outTradeNo) === outTradeNo,
      );
      if (found !== undefined) return { orderId: found.orderId ?? undefined, state };
    }
    return undefined;
  }

  async *listCards(signal: AbortSignal): AsyncIterable<CarrierCard[]> {
    for (let page = 1; ; page++) {
      // The carrier's own example has the page number as a text and the size as a number.
      const cards = await this.#client.call(
        'card/getAllCardInfo',
        { pageNum: String(page), pageSize: cardsPerPage },
        { schema: cardListSchema, signal },
      );
      yield cards.map(({ iccid, imsi, eid, cardStatus }) => ({
        iccid,
        imsi: imsi ?? undefined,
        eid: eid ?? undefined,
        status: cardStatuses[cardStatus ?? ''],
      }));
      if (cards.length < cardsPerPage) return;
    }
  }
}
