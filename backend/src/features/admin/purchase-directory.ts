import type { AdminPurchaseView } from '@aovis/contracts/http/admin-purchases';
import { maskIccid } from '@aovis/contracts/ids';
import type { Database } from '../../db/database.ts';
import { type PageRequest, pageOf, readCursor, uuidForm } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';

type PurchaseRow = Omit<AdminPurchaseView, 'created_at' | 'paid_at' | 'activated_at' | 'ends_at'> &
  Record<'created_at', Date> &
  Record<'paid_at' | 'activated_at' | 'ends_at', Date | null>;

export interface PurchaseFilter {
  user_id?: string | undefined;
  device_id?: string | undefined;
  status?: AdminPurchaseView['status'] | undefined;
}

/** Newest first. @throws AppError invalid_request when the cursor is none of ours */
export async function findPurchases(
  db: Database,
  { limit, cursor, ...equal }: PageRequest & PurchaseFilter,
): Promise<{ purchases: AdminPurchaseView[]; next_cursor: string | null }> {
  const after = readCursor(cursor, uuidForm);
  const query = purchases(db)
    .orderBy([
      { column: 'p.created_at', order: 'desc' },
      { column: 'p.id', order: 'desc' },
    ])
    .limit(limit + 1);
  for (const [column, value] of Object.entries(equal))
    if (value !== undefined) query.where(`p.${column}`, value);
  if (after) query.whereRaw('(p.created_at, p.id) < (?, ?)', [after.at, after.key]);
  const { page, nextCursor } = pageOf(await query, limit, ({ created_at: at, purchase_id: key }) => ({
    at,
    key,
  }));
  return { purchases: page.map(toView), next_cursor: nextCursor };
}

/** @throws AppError purchase_not_found */
export async function getPurchaseView(db: Database, id: string): Promise<AdminPurchaseView> {
  const [row] = uuidForm.test(id) ? await purchases(db).where('p.id', id) : [];
  if (row === undefined) throw new AppError('purchase_not_found');
  return toView(row);
}

function purchases(db: Database) {
  return db('data_plan_purchases as p')
    .join('data_plans as d', 'd.plan_id', 'p.plan_id')
    .select<PurchaseRow[]>(
      'p.id as purchase_id',
      'p.plan_id',
      'd.name as plan_name',
      'p.device_id',
      'p.iccid',
      'p.status',
      'p.price_minor',
      'p.currency',
      'p.refunded_minor',
      'p.created_at',
      'p.paid_at',
      'p.activated_at',
      'p.ends_at',
      'p.user_id',
    );
}

function toView(row: PurchaseRow): AdminPurchaseView {
  return {
    ...row,
    iccid: row.iccid === null ? null : maskIccid(row.iccid),
    created_at: row.created_at.toISOString(),
    paid_at: row.paid_at?.toISOString() ?? null,
    activated_at: row.activated_at?.toISOString() ?? null,
    ends_at: row.ends_at?.toISOString() ?? null,
  };
}
