import type { Database } from '../../db/database.ts';
import type { ScheduledJob } from '../../jobs/scheduled-job.ts';
import type { Clock } from '../../kernel/clock.ts';
import { batchSize, deleteBatch } from './recorded-data.ts';
import { type DataClass, dataClasses } from './retention-classes.ts';

const dayMs = 86_400_000;

/** Removes what is over, class by class, in statements of at most 1,000 rows each. Counts rows by class. */
export function retentionJob({ db, clock }: { db: Database; clock: Clock }): ScheduledJob {
  return {
    name: 'account.retention',
    everySeconds: 3_600,
    run: async (signal) => {
      const removed: Record<string, number> = {};
      for (const dataClass of dataClasses) {
        if (signal.aborted) break;
        removed[dataClass.name] = await removeAll(db, dataClass, clock.now(), signal);
      }
      return removed;
    },
  };
}

async function removeAll(
  db: Database,
  dataClass: DataClass,
  now: Date,
  signal: AbortSignal,
): Promise<number> {
  const before = new Date(now.getTime() - dataClass.keptDays * dayMs);
  let removed = 0;
  for (;;) {
    const batch = await removeBatch(db, dataClass, before);
    removed += batch;
    if (batch < batchSize || signal.aborted) return removed;
  }
}

async function removeBatch(db: Database, { table, over, blank }: DataClass, before: Date): Promise<number> {
  if (blank === undefined) return deleteBatch(db, table, over, { before });
  const { rowCount } = await db.raw<{ rowCount: number }>(
    `UPDATE ${table} SET ${blank} WHERE ctid = ANY (ARRAY(${over} LIMIT ${batchSize}))`,
    { before },
  );
  return rowCount;
}
