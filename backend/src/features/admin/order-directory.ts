import type { AdminOrderView } from '@aovis/contracts/http/admin-store';
import type { Database } from '../../db/database.ts';
import { type PageRequest, pageOf, readCursor, uuidForm } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';

type ItemView = AdminOrderView['items'][number];

interface OrderRow {
  id: string;
  status: AdminOrderView['status'];
  currency: string;
  total_minor: number;
  refunded_minor: number;
  created_at: Date;
  paid_at: Date | null;
  user_id: string | null;
  email: string | null;
  dispute: AdminOrderView['dispute'];
  stripe_session_id: string | null;
  payment_intent: string | null;
}

export interface OrderFilter {
  email?: string | undefined;
  user_id?: string | undefined;
  status?: AdminOrderView['status'] | undefined;
  payment_intent?: string | undefined;
}

/** The status in the API's words, as SQL: `paid` says more once money went back. */
const statusInWords = `CASE WHEN status <> 'paid' OR refunded_minor = 0 THEN status
  WHEN refunded_minor < total_minor THEN 'partially_refunded' ELSE 'refunded' END`;

/** Newest first. @throws AppError invalid_request when the cursor is none of ours */
export async function findOrders(
  db: Database,
  { limit, cursor, email, user_id, status, payment_intent }: PageRequest & OrderFilter,
): Promise<{ orders: AdminOrderView[]; next_cursor: string | null }> {
  const after = readCursor(cursor, uuidForm);
  const query = orders(db)
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit + 1);
  if (email !== undefined) query.whereRaw('lower(email) = ?', [email.trim().toLowerCase()]);
  if (user_id !== undefined) query.where({ user_id });
  if (payment_intent !== undefined) query.where({ payment_intent });
  if (status !== undefined) query.whereRaw(`${statusInWords} = ?`, [status]);
  if (after) query.whereRaw('(created_at, id) < (?, ?)', [after.at, after.key]);
  const { page, nextCursor } = pageOf(await query, limit, positionOf);
  return { orders: await withItems(db, page), next_cursor: nextCursor };
}

/** @throws AppError order_not_found */
export async function getOrderView(db: Database, id: string): Promise<AdminOrderView> {
  const rows = uuidForm.test(id) ? await orders(db).where({ id }) : [];
  const [order] = await withItems(db, rows);
  if (order === undefined) throw new AppError('order_not_found');
  return order;
}

function orders(db: Database) {
  return db('orders').select<OrderRow[]>(
    'id',
    db.raw(`${statusInWords} AS status`),
    'currency',
    'total_minor',
    'refunded_minor',
    'created_at',
    'paid_at',
    'user_id',
    'email',
    'dispute',
    'stripe_session_id',
    'payment_intent',
  );
}

async function withItems(db: Database, rows: readonly OrderRow[]): Promise<AdminOrderView[]> {
  const ids = rows.map(({ id }) => id);
  const items = await db('order_items')
    .whereIn('order_id', ids)
    .orderBy(['order_id', 'sku'])
    .select<(ItemView & { order_id: string })[]>('order_id', 'sku', 'name', 'unit_price_minor', 'quantity');
  const itemsOf = new Map<string, ItemView[]>(ids.map((id) => [id, []]));
  for (const { order_id, ...item } of items) itemsOf.get(order_id)?.push(item);
  return rows.map((row) => ({
    ...row,
    created_at: row.created_at.toISOString(),
    paid_at: row.paid_at?.toISOString() ?? null,
    items: itemsOf.get(row.id) ?? [],
  }));
}

function positionOf({ created_at: at, id: key }: OrderRow): { at: Date; key: string } {
  return { at, key };
}
