import type { OrderView } from '@aovis/contracts/http/store';
import type { Database } from '../../db/database.ts';
import { publicStatusOf, toOrderView } from './order.ts';
import { KnexOrderRepository } from './order-repository.ts';

export interface CheckoutStatus {
  status: 'paid' | 'processing' | 'failed';
  /** For the signed-in owner alone. */
  order?: OrderView;
}

/** Whatever else an address holds cannot be a session, and perhaps no text that can be looked up. */
const sessionIdForm = /^[\w-]+$/;

/** What people may see of orders. */
export class OrderService {
  readonly #db: Database;

  constructor({ db }: { db: Database }) {
    this.#db = db;
  }

  /** Newest first. */
  async listOwned(userId: string): Promise<OrderView[]> {
    return (await new KnexOrderRepository(this.#db).listOwned(userId)).map(toOrderView);
  }

  /** A session that we do not know looks like one whose payment has not come yet. */
  async getCheckoutStatus(sessionId: string, visitorId: string | undefined): Promise<CheckoutStatus> {
    const order = sessionIdForm.test(sessionId)
      ? await new KnexOrderRepository(this.#db).findBySession(sessionId)
      : undefined;
    if (order === undefined) return { status: 'processing' };
    const status = publicStatusOf(order.status);
    const isOwner = visitorId !== undefined && order.userId === visitorId;
    return isOwner ? { status, order: toOrderView(order) } : { status };
  }
}
