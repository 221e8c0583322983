import type { AdminUserView } from '@aovis/contracts/http/admin-people';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { uuidForm } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import { recordChange, type Staff } from './staff.ts';
import { toUserView, type UserRow, userColumns } from './user-directory.ts';

export interface UserChange {
  role?: AdminUserView['role'] | undefined;
  status?: 'active' | 'disabled' | undefined;
  reason: string;
}

/** Who may do what, decided by admins. */
export class UserAdminService {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
  }

  /**
   * Changes role or status at once: sessions read both with every request.
   * @throws AppError user_not_found; forbidden for one's own account; last_admin
   */
  async change(staff: Staff, userId: string, { role, status, reason }: UserChange): Promise<AdminUserView> {
    if (!uuidForm.test(userId)) throw new AppError('user_not_found');
    if (userId === staff.userId)
      throw new AppError('forbidden', { details: { reason: 'one’s own account' } });
    const now = this.#clock.now();
    return transaction(this.#db, async (trx) => {
      // All active admins, in one order: two who demote each other take turns, and the second one finds it out.
      const admins = await trx('users')
        .where({ role: 'admin', status: 'active' })
        .orderBy('id')
        .forUpdate()
        .pluck<string[]>('id');
      if (!admins.includes(staff.userId)) throw new AppError('forbidden');
      const before = await trx('users')
        .where({ id: userId })
        .whereNot({ status: 'deleted' })
        .forUpdate()
        .first<UserRow | undefined>(...userColumns);
      if (before === undefined) throw new AppError('user_not_found');
      const after = { role: role ?? before.role, status: status ?? before.status };
      const remaining = admins.filter((id) => id !== userId);
      const staysAdmin = after.role === 'admin' && after.status === 'active';
      if (remaining.length === 0 && !staysAdmin) throw new AppError('last_admin');
      await trx('users')
        .where({ id: userId })
        .update({ ...after, updated_at: now });
      if (after.status === 'disabled')
        await trx('sessions')
          .where({ user_id: userId, revoked_at: null })
          .update({ revoked_at: now, revoked_reason: 'account_disabled' });
      await recordChange(trx, staff, {
        action: 'admin.change_user',
        subject: { kind: 'user', id: userId },
        details: { before: { role: before.role, status: before.status }, after, reason },
      });
      return toUserView({ ...before, ...after });
    });
  }
}
