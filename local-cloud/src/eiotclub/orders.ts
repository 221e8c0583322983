import type { Clock } from '../kernel/clock.ts';
import { HttpRefusal } from '../kernel/http-answer.ts';
import { EiotclubError } from './errors.ts';
import type { Notifications } from './notifications.ts';
import type { Card, EiotclubState, Order } from './state.ts';

const dayMs = 86_400_000;
const firstOrderId = 10_000_001;

/** Packages of cards: ordered, in use, used up, over, refunded. One package is in use at a time. */
export class Orders {
  readonly #state: EiotclubState;
  readonly #notifications: Notifications;
  readonly #clock: Clock;

  constructor(state: EiotclubState, notifications: Notifications, clock: Clock) {
    this.#state = state;
    this.#notifications = notifications;
    this.#clock = clock;
  }

  card(iccid: string): Card {
    const card = this.#state.cards.get(iccid);
    if (card === undefined) throw new EiotclubError('noSuchCard', 'The card is not in this account');
    return card;
  }

  /** The order of that card; another card's order is as unknown as none. */
  order(iccid: string, orderId: number): Order {
    this.card(iccid);
    const order = this.#state.findOrder(orderId);
    if (order?.iccid !== iccid) throw new EiotclubError('noSuchOrder', 'The card has no such order');
    return order;
  }

  /** The same `outTradeNo` again is the same order again. */
  place(given: { iccid: string; packageCode: string; outTradeNo: string }): Order {
    const card = this.card(given.iccid);
    const before = [...this.#state.orders.values()].find(({ outTradeNo }) => outTradeNo === given.outTradeNo);
    if (before !== undefined) {
      if (before.iccid === given.iccid && before.packageCode === given.packageCode) return before;
      throw new EiotclubError('outTradeNoReused', 'The outTradeNo was used for another order');
    }
    const offer = this.#state.packages().find(({ packageCode }) => packageCode === given.packageCode);
    if (offer?.productCode !== card.productCode)
      throw new EiotclubError('noSuchPackage', 'The package cannot be ordered for this card');
    const { balanceMinor } = this.#state.account;
    if (balanceMinor < offer.priceMinor)
      throw new EiotclubError('balanceTooLow', 'The balance of the account is too low');
    this.#state.updateAccount({ balanceMinor: balanceMinor - offer.priceMinor });
    const orderId = firstOrderId + this.#state.orders.size;
    const order = this.#state.putOrder({
      orderId,
      orderNumber: `EI${orderId}`,
      ...given,
      packageName: offer.packageName,
      amountMinor: offer.priceMinor,
      refundedMinor: null,
      state: 0,
      totalMegabytes: offer.megabytes,
      usedMegabytes: 0,
      orderedAt: this.#clock.now(),
      startedAt: null,
      endsAt: null,
      days: offer.days,
      alerted: [],
    });
    this.#notifications.ordered(card, order);
    return order;
  }

  /** Minor units that a refund would give: all before use, the unused share after. */
  refundable(order: Order): number {
    if (order.state === 0) return order.amountMinor;
    if (order.state === 2) return 0;
    const left = order.totalMegabytes - order.usedMegabytes;
    return Math.floor((order.amountMinor * left) / order.totalMegabytes);
  }

  refund(order: Order): Order {
    const amount = this.refundable(order);
    if (amount === 0) throw new EiotclubError('notRefundable', 'Nothing of this order can be refunded');
    const refunded = this.#state.putOrder({ ...order, state: 2, refundedMinor: amount });
    this.#state.updateAccount({ balanceMinor: this.#state.account.balanceMinor + amount });
    this.#notifications.refunded(this.card(order.iccid), refunded);
    if (order.state === 1) this.#next(order.iccid);
    return refunded;
  }

  /** Puts the order's package into use now. */
  makeEffective(orderId: number): Order {
    const order = this.#state.findOrder(orderId);
    if (order === undefined) throw new HttpRefusal(404, `There is no order ${orderId}`);
    if (order.state !== 0) throw new HttpRefusal(409, `The order ${orderId} is past waiting already`);
    if (this.#inUse(order.iccid) !== undefined)
      throw new HttpRefusal(409, `Another package of the card ${order.iccid} is in use: drain it first`);
    return this.#start(order);
  }

  /** Uses data up until `leftMegabytes` are left of the package in use. */
  drain(iccid: string, leftMegabytes: number): Order {
    if (!this.#state.cards.has(iccid)) throw new HttpRefusal(404, `There is no card ${iccid}`);
    const order = this.#inUse(iccid);
    if (order === undefined) throw new HttpRefusal(409, `No package of the card ${iccid} is in use`);
    if (leftMegabytes > order.totalMegabytes - order.usedMegabytes)
      throw new HttpRefusal(409, 'Less than that is left already');
    const drained = this.#state.putOrder({ ...order, usedMegabytes: order.totalMegabytes - leftMegabytes });
    const alerted = this.#alert(drained);
    return leftMegabytes === 0 ? this.#finish(alerted) : alerted;
  }

  /** What time brings: packages that take effect, run low on days, and end. */
  catchUp(): void {
    const now = this.#clock.now();
    const { effectiveAfterMs } = this.#state.account;
    for (const order of this.#state.orders.values()) {
      if (order.state === 2) continue;
      if (order.state === 1) {
        if (order.endsAt !== null && order.endsAt <= now) this.#finish(order);
        else this.#alert(order);
        continue;
      }
      const due = effectiveAfterMs !== null && order.orderedAt + effectiveAfterMs <= now;
      if (due && this.#inUse(order.iccid) === undefined) this.#start(order);
    }
  }

  #inUse(iccid: string): Order | undefined {
    return this.#state.ordersOf(iccid).find(({ state }) => state === 1);
  }

  #start(order: Order): Order {
    const now = this.#clock.now();
    const started = this.#state.putOrder({
      ...order,
      state: 1,
      startedAt: now,
      endsAt: now + order.days * dayMs,
    });
    const card = this.card(order.iccid);
    this.#state.cards.put(card.iccid, { ...card, cardStatus: 'ACTIVATED_NAME' });
    this.#notifications.effective(card, started);
    return started;
  }

  #finish(order: Order): Order {
    const done = this.#state.putOrder({ ...order, state: 2 });
    this.#next(order.iccid);
    return done;
  }

  /** The next package that waits, or the end of the line. */
  #next(iccid: string): void {
    const { effectiveAfterMs } = this.#state.account;
    const waiting = this.#state.ordersOf(iccid).find(({ state }) => state === 0);
    if (waiting !== undefined) {
      if (effectiveAfterMs !== null) this.#start(waiting);
      return;
    }
    const card = this.card(iccid);
    this.#state.cards.put(iccid, { ...card, cardStatus: 'DEACTIVATED_NAME' });
    this.#notifications.stopped(card);
  }

  /** Each threshold is told of once for a package. */
  #alert(order: Order): Order {
    const left = order.totalMegabytes - order.usedMegabytes;
    const daysLeft = ((order.endsAt ?? 0) - this.#clock.now()) / dayMs;
    const reached = [
      { type: 1, is: left < 100, value: `${left}MB` },
      {
        type: 2,
        is: left < order.totalMegabytes / 10,
        value: `${Math.floor((left * 100) / order.totalMegabytes)}%`,
      },
      { type: 3, is: daysLeft < 7 && order.days >= 7, value: `${Math.max(0, Math.floor(daysLeft))}` },
    ] as const;
    const fresh = reached.filter(({ type, is }) => is && !order.alerted.includes(type));
    if (fresh.length === 0) return order;
    const card = this.card(order.iccid);
    for (const { type, value } of fresh) this.#notifications.running(card, type, value);
    return this.#state.putOrder({ ...order, alerted: [...order.alerted, ...fresh.map(({ type }) => type)] });
  }
}
