import type { Database } from '../../db/database.ts';

/** Rows a statement removes: few enough that nobody waits for its locks. */
export const batchSize = 1_000;

/** What a device reported and was told in the time of one owner, by table: `row` of it belongs to `ownership`. */
const recorded = {
  device_events: `row.device_id = ownership.device_id
    AND row.occurred_at >= ownership.started_at AND row.occurred_at < ownership.ended_at`,
  device_telemetry: `row.device_id = ownership.device_id
    AND row.at >= ownership.started_at AND row.at < ownership.ended_at`,
  device_commands: 'row.device_id = ownership.device_id AND row.epoch = ownership.epoch',
} as const;
export type RecordedTable = keyof typeof recorded;
export const recordedTables = Object.keys(recorded) as RecordedTable[];

/** Selects rows of the table that ownerships which are over left behind; `which` says of which ownerships. */
export function rowsOfEndedOwnerships(table: RecordedTable, which: string): string {
  return `SELECT row.ctid FROM device_ownerships AS ownership JOIN ${table} AS row ON ${recorded[table]}
    WHERE ownership.ended_at IS NOT NULL AND ${which}`;
}

/** Deletes up to a batch of the rows whose `ctid` the query selects. Returns how many that were. */
export async function deleteBatch(
  db: Database,
  table: string,
  query: string,
  bindings: Readonly<Record<string, string | Date>>,
): Promise<number> {
  const { rowCount } = await db.raw<{ rowCount: number }>(
    `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(${query} LIMIT ${batchSize}))`,
    bindings,
  );
  return rowCount;
}

/**
 * Removes all that was recorded while the user owned devices; repeatable. All ownerships of the user are over.
 * @throws the signal's reason when it is aborted: what is left is removed the next time
 */
export async function eraseRecordedData(db: Database, userId: string, signal: AbortSignal): Promise<void> {
  for (const table of recordedTables) {
    const query = rowsOfEndedOwnerships(table, 'ownership.user_id = :userId');
    while ((await deleteBatch(db, table, query, { userId })) === batchSize) signal.throwIfAborted();
  }
}
