import type { Database } from '../../db/database.ts';
import { uuidForm } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import type { RefundService } from '../orders/refund-service.ts';
import { actorOf, changeAsStaff, type Staff } from './staff.ts';

/** What staff does about orders. */
export class OrderAdminService {
  readonly #db: Database;
  readonly #refunds: RefundService | undefined;

  /** @param refunds undefined where no payment provider is configured */
  constructor({ db, refunds }: { db: Database; refunds: RefundService | undefined }) {
    this.#db = db;
    this.#refunds = refunds;
  }

  /**
   * Decides a refund, or says why not; both are on record as steps of the order.
   * @throws AppError order_not_found; refund_not_possible with `refundable_minor`; feature_disabled
   */
  async refund(
    staff: Staff,
    orderId: string,
    { amount_minor: amountMinor, reason }: { amount_minor?: number | undefined; reason: string },
  ): Promise<{ refund_request_id: string; amount_minor: number }> {
    if (!uuidForm.test(orderId)) throw new AppError('order_not_found');
    if (this.#refunds === undefined) throw new AppError('feature_disabled');
    const actor = actorOf(staff);
    const asked = { orderId, amountMinor, reason, actor, requestId: staff.requestId };
    const decided = await this.#refunds.refund(asked);
    return { refund_request_id: decided.refundRequestId, amount_minor: decided.amountMinor };
  }

  /** Puts a note into the order's history. @throws AppError order_not_found */
  async note(staff: Staff, orderId: string, text: string): Promise<void> {
    const subject = { kind: 'order', id: orderId };
    await changeAsStaff(this.#db, staff, { action: 'admin.note', subject }, async (trx) => {
      const order = uuidForm.test(orderId)
        ? await trx('orders').where({ id: orderId }).first<{ id: string } | undefined>('id')
        : undefined;
      if (order === undefined) throw new AppError('order_not_found');
      return { result: undefined, details: { text } };
    });
  }
}
