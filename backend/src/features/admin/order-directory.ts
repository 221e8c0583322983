import type { AdminOrderView, AdminPurchaseView } from '@aovis/contracts/http/admin-store';
import { maskIccid } from '@aovis/contracts/ids';
import type { Database } from '../../db/database.ts';
import { type PageRequest, pageOf, readCursor, uuidForm } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';

type ItemView = AdminOrderView['items'][number];

interface OrderRow {
  id: string;
  status: 'pending' | 'processing' | 'failed' | 'expired' | 'paid';
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
  const query = db('orders')
    .select<(OrderRow & { in_words: AdminOrderView['status'] })[]>(
      '*',
      db.raw(`${statusInWords} AS in_words`),
    )
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit + 1);
  if (email !== undefined) query.whereRaw('lower(email) = ?', [email.trim().toLowerCase()]);
  if (user_id !== undefined) query.where({ user_id });
  if (payment_intent !== undefined) query.where({ payment_intent });
  if (status !== undefined) query.whereRaw(`${statusInWords} = ?`, [status]);
  if (after) query.whereRaw(`(date_trunc('milliseconds', created_at), id) < (?, ?)`, [after.at, after.key]);
  const { page, nextCursor } = pageOf(await query, limit, positionOf);
  return { orders: await withItems(db, page), next_cursor: nextCursor };
}

/** @throws AppError order_not_found */
export async function getOrderView(db: Database, id: string): Promise<AdminOrderView> {
  const rows = uuidForm.test(id)
    ? await db('orders')
        .where({ id })
        .select<(OrderRow & { in_words: AdminOrderView['status'] })[]>(
          '*',
          db.raw(`${statusInWords} AS in_words`),
        )
    : [];
  const [order] = await withItems(db, rows);
  if (order === undefined) throw new AppError('order_not_found');
  return order;
}

async function withItems(
  db: Database,
  rows: readonly (OrderRow & { in_words: AdminOrderView['status'] })[],
): Promise<AdminOrderView[]> {
  const items = await db('order_items')
    .whereIn(
      'order_id',
      rows.map(({ id }) => id),
    )
    .orderBy(['order_id', 'sku'])
    .select<(ItemView & { order_id: string })[]>('order_id', 'sku', 'name', 'unit_price_minor', 'quantity');
  return rows.map((row) => ({
    id: row.id,
    status: row.in_words,
    currency: row.currency,
    total_minor: row.total_minor,
    refunded_minor: row.refunded_minor,
    created_at: row.created_at.toISOString(),
    paid_at: row.paid_at?.toISOString() ?? null,
    items: items.filter(({ order_id }) => order_id === row.id).map(({ order_id: _, ...item }) => item),
    user_id: row.user_id,
    email: row.email,
    dispute: row.dispute,
    stripe_session_id: row.stripe_session_id,
    payment_intent: row.payment_intent,
  }));
}

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
  const query = db('data_plan_purchases as p')
    .join('data_plans as d', 'd.plan_id', 'p.plan_id')
    .orderBy([
      { column: 'p.created_at', order: 'desc' },
      { column: 'p.id', order: 'desc' },
    ])
    .limit(limit + 1)
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
  for (const [column, value] of Object.entries(equal))
    if (value !== undefined) query.where(`p.${column}`, value);
  if (after)
    query.whereRaw(`(date_trunc('milliseconds', p.created_at), p.id) < (?, ?)`, [after.at, after.key]);
  const { page, nextCursor } = pageOf(await query, limit, ({ created_at: at, purchase_id: key }) => ({
    at,
    key,
  }));
  return { purchases: page.map(toPurchaseView), next_cursor: nextCursor };
}

function toPurchaseView(row: PurchaseRow): AdminPurchaseView {
  return {
    ...row,
    iccid: row.iccid === null ? null : maskIccid(row.iccid),
    created_at: row.created_at.toISOString(),
    paid_at: row.paid_at?.toISOString() ?? null,
    activated_at: row.activated_at?.toISOString() ?? null,
    ends_at: row.ends_at?.toISOString() ?? null,
  };
}

function positionOf({ created_at: at, id: key }: OrderRow): { at: Date; key: string } {
  return { at, key };
}
