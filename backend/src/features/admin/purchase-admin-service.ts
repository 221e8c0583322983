import type { Database } from '../../db/database.ts';
import { uuidForm } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import { askAgain, payBack } from '../data-plans/purchase-requests.ts';
import { changeAsStaff, type NamedChange, type Staff } from './staff.ts';

/** What staff sets off for bought data plans; partners are asked afterwards, by the outbox. */
export class PurchaseAdminService {
  readonly #db: Database;

  constructor({ db }: { db: Database }) {
    this.#db = db;
  }

  /** @throws AppError purchase_not_found */
  async retry(staff: Staff, id: string, reason: string): Promise<void> {
    await this.#change(staff, { id, reason, action: 'admin.retry_purchase' }, askAgain);
  }

  /** @throws AppError purchase_not_found, refund_not_possible */
  async refund(staff: Staff, id: string, reason: string): Promise<void> {
    await this.#change(staff, { id, reason, action: 'admin.refund_purchase' }, payBack);
  }

  async #change(
    staff: Staff,
    { id, reason, action }: { id: string; reason: string; action: NamedChange['action'] },
    request: (trx: Database, id: string, requestId: string) => Promise<void>,
  ): Promise<void> {
    const subject = { kind: 'data_plan_purchase', id };
    await changeAsStaff(this.#db, staff, { action, subject }, async (trx) => {
      if (!uuidForm.test(id)) throw new AppError('purchase_not_found');
      await request(trx, id, staff.requestId);
      return { result: undefined, details: { reason } };
    });
  }
}
