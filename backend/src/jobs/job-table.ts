import type { Database } from '../db/database.ts';
import { errorReason } from '../kernel/error-reason.ts';

export interface ClaimedJob {
  name: string;
  leaseId: string;
  /** In a row, before this run. */
  failures: number;
}

/** A job as the operator sees it. */
export interface JobState {
  name: string;
  nextRunAt: Date;
  running: boolean;
  /** In a row. */
  failures: number;
  lastStartedAt: Date | undefined;
  lastFinishedAt: Date | undefined;
  lastResult: Record<string, number> | undefined;
  lastError: string | undefined;
}

interface JobRow {
  name: string;
  next_run_at: Date;
  running: boolean;
  failures: number;
  last_started_at: Date | null;
  last_finished_at: Date | null;
  last_result: Record<string, number> | null;
  last_error: string | null;
}

/** Makes the rows that are missing; a new job is due at once. */
export async function ensureJobs(db: Database, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const rows = names.map((name) => ({ name }));
  await db('scheduled_jobs').insert(rows).onConflict('name').ignore();
}

/**
 * Leases the job that is due longest; undefined when none is. One that died with its process is due again when its lease
 * has ended. All times are the database's: instances need not agree.
 */
export async function claimDueJob(
  db: Database,
  { names, leaseMs }: { names: readonly string[]; leaseMs: number },
): Promise<ClaimedJob | undefined> {
  const { rows } = await db.raw<{ rows: { name: string; lease_id: string; failures: number }[] }>(
    `UPDATE scheduled_jobs SET lease_id = gen_random_uuid(), last_started_at = now(),
       leased_until = now() + :leaseMs * interval '1 ms'
     WHERE name = (
       SELECT name FROM scheduled_jobs
       WHERE name = ANY(:names) AND next_run_at <= now() AND (leased_until IS NULL OR leased_until <= now())
       ORDER BY next_run_at LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING name, lease_id, failures`,
    { names: [...names], leaseMs },
  );
  return rows[0] && { name: rows[0].name, leaseId: rows[0].lease_id, failures: rows[0].failures };
}

/** False when the lease was lost meanwhile. */
export async function renewLease(
  db: Database,
  { name, leaseId }: ClaimedJob,
  leaseMs: number,
): Promise<boolean> {
  const renewed = await db('scheduled_jobs')
    .where({ name, lease_id: leaseId })
    .update({ leased_until: db.raw(`now() + ? * interval '1 ms'`, [leaseMs]) });
  return renewed === 1;
}

export type JobOutcome =
  | { result: Record<string, number>; nextInMs: number }
  | { error: unknown; nextInMs: number };

/** Gives the job back. Does nothing when the lease was lost meanwhile: it runs elsewhere now. */
export async function finishJob(
  db: Database,
  { name, leaseId }: ClaimedJob,
  outcome: JobOutcome,
): Promise<void> {
  await db('scheduled_jobs')
    .where({ name, lease_id: leaseId })
    .update({
      lease_id: null,
      leased_until: null,
      next_run_at: db.raw(`now() + ? * interval '1 ms'`, [outcome.nextInMs]),
      last_finished_at: db.fn.now(),
      ...('result' in outcome
        ? { failures: 0, last_result: JSON.stringify(outcome.result), last_error: null }
        : { failures: db.raw('failures + 1'), last_error: errorReason(outcome.error) }),
    });
}

/** Until one of them is due, or the lease of one that may have died has ended; undefined when there is none. */
export async function msUntilDue(db: Database, names: readonly string[]): Promise<number | undefined> {
  const { rows } = await db.raw<{ rows: { ms: number | null }[] }>(
    `SELECT extract(epoch FROM min(greatest(next_run_at, leased_until)) - now())::float8 * 1000 AS ms
     FROM scheduled_jobs WHERE name = ANY(:names)`,
    { names: [...names] },
  );
  return rows[0]?.ms ?? undefined;
}

/** All jobs that ever ran here, by name. */
export async function listJobs(db: Database): Promise<JobState[]> {
  const rows = await db('scheduled_jobs')
    .select<JobRow[]>('*', db.raw('(leased_until IS NOT NULL AND leased_until > now()) AS running'))
    .orderBy('name');
  return rows.map((row) => ({
    name: row.name,
    nextRunAt: row.next_run_at,
    running: row.running,
    failures: row.failures,
    lastStartedAt: row.last_started_at ?? undefined,
    lastFinishedAt: row.last_finished_at ?? undefined,
    lastResult: row.last_result ?? undefined,
    lastError: row.last_error ?? undefined,
  }));
}
