import { randomInt, randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../kernel/clock.ts';
import { HttpRefusal } from '../kernel/http-answer.ts';
import { post } from '../kernel/post.ts';
import type { Store } from '../kernel/store.ts';
import { type Delivery, WebhookQueue } from '../kernel/webhook-queue.ts';
import { signMessage } from './signature.ts';
import type { Card, EiotclubState, Notification, Order } from './state.ts';
import { dateText, moneyText } from './text.ts';

const receiver = 'customer';

export interface NotificationsOptions {
  state: EiotclubState;
  store: Store;
  clock: Clock;
  log: Logger;
  /** For tests: waiting time after a failed attempt, ms. */
  backOffMs?: ((attempt: number) => number) | undefined;
}

/** What the carrier tells the customer by itself: signed JSON to one address. */
export class Notifications {
  readonly queue: WebhookQueue;
  readonly #state: EiotclubState;
  readonly #clock: Clock;

  constructor({ state, store, clock, log, backOffMs }: NotificationsOptions) {
    this.#state = state;
    this.#clock = clock;
    this.queue = new WebhookQueue({
      name: 'eiotclub',
      store,
      log,
      send: (delivery, signal) => this.#send(delivery, signal),
      ...(backOffMs === undefined ? {} : { backOffMs }),
    });
  }

  /** `data` is a list here: one message may tell of several packages. */
  ordered(card: Card, order: Order): void {
    this.notify(card.eid === null ? 'SubPkgList' : 'CloudESimSubPkgList', {
      data: [{ ...reference(card), ...packageData(order) }],
    });
  }

  effective(card: Card, order: Order): void {
    this.notify(card.eid === null ? 'PkgEffective' : 'CloudESimPkgActivate', {
      data: { ...reference(card), ...packageData(order) },
    });
  }

  refunded(card: Card, order: Order): void {
    this.notify('CloudESimRefund', {
      ...reference(card),
      outTradeNo: order.outTradeNo,
      orderAmount: moneyText(order.amountMinor),
      refundAmount: moneyText(order.refundedMinor ?? 0),
      eshopOrderId: order.orderId,
    });
  }

  /** Type 1: under 100 MB left, 2: under a tenth, 3: under seven days. */
  running(card: Card, alertType: 1 | 2 | 3, value: string): void {
    this.notify(card.eid === null ? 'FlowAlert' : 'CloudESimFlowAlert', {
      ...reference(card),
      alert_type: alertType,
      alert_value: value,
    });
  }

  /** No package left: off line. */
  stopped(card: Card): void {
    this.notify('CardStopped', { iccid: card.iccid });
  }

  /** Any event, also one that the receiver does not know. Nothing is kept while there is no receiver. */
  notify(event: string, members: Record<string, unknown>): void {
    if (this.#state.account.notifyUrl === null) return;
    const id = randomUUID().replaceAll('-', '');
    const first = { timestamp: this.#now(), nonce: newNonce() };
    this.#state.notifications.put(id, { id, event, members, ...first });
    this.queue.add(receiver, id);
  }

  replay(id: string, times: number): Delivery[] {
    if (!this.#state.notifications.has(id)) throw new HttpRefusal(404, `There is no notification ${id}`);
    return Array.from({ length: times }, () => this.queue.add(receiver, id));
  }

  async #send({ subject }: Delivery, signal: AbortSignal): Promise<number> {
    const { notifyUrl, notifySecret, freshTimestamps } = this.#state.account;
    const notification = this.#state.notifications.get(subject);
    if (notification === undefined || notifyUrl === null)
      throw new Error(`The notification ${subject} or its receiver is gone`);
    const body = signMessage(this.#message(notification, freshTimestamps), notifySecret);
    return post(notifyUrl, { 'content-type': 'application/json;charset=utf-8' }, body, signal);
  }

  #message({ id, event, members, timestamp, nonce }: Notification, fresh: boolean): Record<string, unknown> {
    const stamp = fresh ? { timestamp: this.#now(), nonce: newNonce() } : { timestamp, nonce };
    return { id, event, ...stamp, ...members };
  }

  #now(): number {
    return Math.floor(this.#clock.nowSeconds());
  }
}

function newNonce(): number {
  return randomInt(10_000, 100_000);
}

function reference({ iccid, eid }: Card): Record<string, unknown> {
  return eid === null ? { iccid } : { iccid, eid };
}

function packageData(order: Order): Record<string, unknown> {
  return {
    packageName: order.packageName,
    packageCode: order.packageCode,
    state: order.state,
    gzhPackageName: order.packageName,
    packageType: 1,
    orderId: order.orderId,
    orderNumber: order.orderNumber,
    outTradeNo: order.outTradeNo,
    startDate: dateText(order.startedAt),
    endDate: dateText(order.endsAt),
  };
}
