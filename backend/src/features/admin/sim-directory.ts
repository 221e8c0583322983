import type { AdminSimView } from '@aovis/contracts/http/admin-devices';
import { maskIccid } from '@aovis/contracts/ids';
import type { Database } from '../../db/database.ts';
import { type PageRequest, pageOf, readCursor } from '../../kernel/cursor.ts';

export interface SimFilter {
  ends_with?: string | undefined;
  status?: AdminSimView['status'] | undefined;
  device_id?: string | undefined;
}

type SimRow = Omit<AdminSimView, 'linked_at' | 'synced_at'> & {
  linked_at: Date | null;
  synced_at: Date | null;
};

/** Lists in the order of a name have no time. */
const anyTime = new Date(0);

/** In an order that stays. @throws AppError invalid_request when the cursor is none of ours */
export async function findSims(
  db: Database,
  { limit, cursor, ends_with, status, device_id }: PageRequest & SimFilter,
): Promise<{ sims: AdminSimView[]; next_cursor: string | null }> {
  // The card's number orders the list but must not be in a cursor: its hash stands for it.
  const hash = `encode(sha256(iccid::bytea), 'hex')`;
  const after = readCursor(cursor, /^[0-9a-f]{64}$/);
  const query = db('sims')
    .orderByRaw(hash)
    .limit(limit + 1)
    .select<(SimRow & { hash: string })[]>(
      'iccid',
      'status',
      'device_id',
      'linked_at',
      'usage_alert',
      'synced_at',
      db.raw(`${hash} AS hash`),
    );
  if (ends_with !== undefined) query.whereRaw('iccid LIKE ?', [`%${ends_with}`]);
  if (status !== undefined) query.where({ status });
  if (device_id !== undefined) query.where({ device_id });
  if (after) query.whereRaw(`${hash} > ?`, [after.key]);
  const { page, nextCursor } = pageOf(await query, limit, ({ hash: key }) => ({ at: anyTime, key }));
  return {
    sims: page.map((row) => ({
      iccid: maskIccid(row.iccid),
      status: row.status,
      device_id: row.device_id,
      linked_at: row.linked_at?.toISOString() ?? null,
      usage_alert: row.usage_alert,
      synced_at: row.synced_at?.toISOString() ?? null,
    })),
    next_cursor: nextCursor,
  };
}
