import type { AuditEntryView } from '@aovis/contracts/http/admin-operations';
import type { Database } from '../../db/database.ts';
import { integerForm, type PageRequest, pageOf, readCursor } from '../../kernel/cursor.ts';
import { readingAction } from './staff.ts';

export interface AuditFilter {
  actor_id?: string | undefined;
  subject_kind?: string | undefined;
  subject_id?: string | undefined;
  action?: string | undefined;
  outcome?: AuditEntryView['outcome'] | undefined;
  request_id?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

interface Row extends Omit<AuditEntryView, 'at'> {
  at: Date;
}

const columns = [
  'seq',
  'at',
  'action',
  'actor_kind',
  'actor_id',
  'subject_kind',
  'subject_id',
  'outcome',
  'details',
  'request_id',
] as const;

/** Newest first. @throws AppError invalid_request when the cursor is none of ours */
export async function searchAuditLog(
  db: Database,
  { limit, cursor, from, to, ...equal }: PageRequest & AuditFilter,
): Promise<{ entries: AuditEntryView[]; next_cursor: string | null }> {
  const after = readCursor(cursor, integerForm);
  const query = db('audit_log')
    .select<Row[]>(...columns)
    .orderBy('seq', 'desc')
    .limit(limit + 1);
  for (const [column, value] of Object.entries(equal)) if (value !== undefined) query.where(column, value);
  if (from !== undefined) query.where('at', '>=', new Date(from));
  if (to !== undefined) query.where('at', '<', new Date(to));
  if (after) query.where('seq', '<', after.key);
  const { page, nextCursor } = pageOf(await query, limit, ({ at, seq: key }) => ({ at, key }));
  return { entries: page.map(toView), next_cursor: nextCursor };
}

/** What happened to one subject, oldest first; who looked at it is only in the log. */
export async function historyOf(db: Database, kind: string, id: string): Promise<AuditEntryView[]> {
  const rows = await db('audit_log')
    .where({ subject_kind: kind, subject_id: id })
    .whereNot({ action: readingAction })
    .orderBy('seq')
    .limit(1_000)
    .select<Row[]>(...columns);
  return rows.map(toView);
}

function toView(row: Row): AuditEntryView {
  return { ...row, at: row.at.toISOString() };
}
