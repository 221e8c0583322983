import type { OrderView } from '@aovis/contracts/http/store';
import type { Database } from '../../db/database.ts';
import { type PageRequest, pageOf, readCursor, uuidForm } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
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

  /** Newest first. @throws AppError invalid_request when the cursor is none of ours */
  async listOwned(
    userId: string,
    { limit, cursor }: PageRequest,
  ): Promise<{ orders: OrderView[]; next_cursor: string | null }> {
    const after = readCursor(cursor, uuidForm);
    const found = await new KnexOrderRepository(this.#db).listOwned(userId, { after, limit: limit + 1 });
    const { page, nextCursor } = pageOf(found, limit, ({ createdAt, id }) => ({ at: createdAt, key: id }));
    return { orders: page.map(toOrderView), next_cursor: nextCursor };
  }

  /** @throws AppError order_not_found, for somebody else's too */
  async getOwned(userId: string, id: string): Promise<OrderView> {
    const order = uuidForm.test(id)
      ? await new KnexOrderRepository(this.#db).findOwned(userId, id)
      : undefined;
    if (order === undefined) throw new AppError('order_not_found');
    return toOrderView(order);
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
