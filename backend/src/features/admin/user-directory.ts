import type { AdminUserDetail, AdminUserView } from '@aovis/contracts/http/admin-people';
import type { Database } from '../../db/database.ts';
import { type PageRequest, pageOf, readCursor, uuidForm } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import { beginningWith } from './staff.ts';

export interface UserRow {
  id: string;
  email: string | null;
  email_verified_at: Date | null;
  display_name: string | null;
  role: AdminUserView['role'];
  status: AdminUserView['status'];
  created_at: Date;
}

export const userColumns = [
  'id',
  'email',
  'email_verified_at',
  'display_name',
  'role',
  'status',
  'created_at',
] as const;

export function toUserView(row: UserRow): AdminUserView {
  return {
    id: row.id,
    email: row.email,
    email_verified: row.email_verified_at !== null,
    display_name: row.display_name,
    role: row.role,
    status: row.status,
    created_at: row.created_at.toISOString(),
  };
}

/** Newest first. @throws AppError invalid_request when the cursor is none of ours */
export async function findUsers(
  db: Database,
  {
    email,
    role,
    limit,
    cursor,
  }: PageRequest & { email?: string | undefined; role?: AdminUserView['role'] | undefined },
): Promise<{ users: AdminUserView[]; next_cursor: string | null }> {
  const after = readCursor(cursor, uuidForm);
  const query = db('users')
    .select<UserRow[]>(...userColumns)
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit + 1);
  if (email !== undefined) query.where('email', 'like', beginningWith(email.trim().toLowerCase()));
  if (role !== undefined) query.where({ role });
  // The database wrote these times, more exactly than a cursor can say them.
  if (after)
    query.whereRaw('(created_at, id) < ((SELECT created_at FROM users WHERE id = ?), ?)', [
      after.key,
      after.key,
    ]);
  const { page, nextCursor } = pageOf(await query, limit, ({ created_at: at, id: key }) => ({ at, key }));
  return { users: page.map(toUserView), next_cursor: nextCursor };
}

/** @throws AppError user_not_found */
export async function getUserDetail(db: Database, id: string): Promise<AdminUserDetail> {
  const row = uuidForm.test(id)
    ? await db('users')
        .where({ id })
        .first<UserRow | undefined>(...userColumns)
    : undefined;
  if (row === undefined) throw new AppError('user_not_found');
  const devices = await db('device_ownerships')
    .where({ user_id: id, ended_at: null })
    .orderBy('device_id')
    .select<{ device_id: string; started_at: Date }[]>('device_id', 'started_at');
  const { rows } = await db.raw<{ rows: [{ sessions: number; orders: number; purchases: number }] }>(
    `SELECT
       (SELECT count(*) FROM sessions WHERE user_id = :id AND revoked_at IS NULL AND expires_at > now())::int AS sessions,
       (SELECT count(*) FROM orders WHERE user_id = :id)::int AS orders,
       (SELECT count(*) FROM data_plan_purchases WHERE user_id = :id)::int AS purchases`,
    { id },
  );
  return {
    ...toUserView(row),
    ...rows[0],
    devices: devices.map(({ device_id, started_at }) => ({ device_id, since: started_at.toISOString() })),
  };
}
