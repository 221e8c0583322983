import type { AdminUserView } from '@aovis/contracts/http/admin-people';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { uuidForm } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import { endAllSessions } from '../auth/session-directory.ts';
import { changeAsStaff, differences, type Staff } from './staff.ts';
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
   * @throws AppError user_not_found; forbidden for one’s own account: so there is always an admin left
   */
  async change(staff: Staff, userId: string, change: UserChange): Promise<AdminUserView> {
    const subject = { kind: 'user', id: userId };
    return changeAsStaff(this.#db, staff, { action: 'admin.change_user', subject }, (trx) =>
      this.#change(trx, staff, userId, change),
    );
  }

  async #change(trx: Database, staff: Staff, userId: string, { role, status, reason }: UserChange) {
    if (!uuidForm.test(userId)) throw new AppError('user_not_found');
    if (userId === staff.userId)
      throw new AppError('forbidden', { details: { reason: 'one’s own account' } });
    const now = this.#clock.now();
    await assertStillAdmin(trx, staff);
    const row = await trx('users')
      .where({ id: userId })
      .whereNot({ status: 'deleted' })
      .forUpdate()
      .first<UserRow | undefined>(...userColumns);
    if (row === undefined) throw new AppError('user_not_found');
    const before = { role: row.role, status: row.status };
    const after = { role: role ?? row.role, status: status ?? row.status };
    await trx('users')
      .where({ id: userId })
      .update({ ...after, updated_at: now });
    const ended =
      after.status === 'disabled'
        ? await endAllSessions(trx, userId, { reason: 'account_disabled', now })
        : 0;
    return {
      result: toUserView({ ...row, ...after }),
      details: { ...differences(before, after), sessions_ended: ended, reason },
    };
  }
}

/**
 * Whoever takes an admin's role away is one, and stays one: all of them are locked, in one order, so that two who demote
 * each other take turns and the second one finds it out. Thus there is always one left.
 */
async function assertStillAdmin(trx: Database, { userId }: Staff): Promise<void> {
  const admins = await trx('users')
    .where({ role: 'admin', status: 'active' })
    .orderBy('id')
    .forUpdate()
    .pluck<string[]>('id');
  if (!admins.includes(userId)) throw new AppError('forbidden');
}
