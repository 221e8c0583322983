import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from '../db/database.ts';
import type { Logger } from '../kernel/logger.ts';
import { type BackoffPolicy, backoffMs } from '../kernel/retry.ts';
import { type ClaimedJob, claimDueJob, ensureJobs, finishJob, msUntilDue, renewLease } from './job-table.ts';
import type { ScheduledJob } from './scheduled-job.ts';

export interface SchedulerOptions {
  db: Database;
  jobs: readonly ScheduledJob[];
  log: Logger;
  /** A process that does not renew its lease for so long is taken for dead, and the job runs again. */
  leaseMs?: number;
  /** Told of every run, for metrics. */
  onRun?: (run: { name: string; ok: boolean; seconds: number }) => void;
}

/** Another instance may have changed the table: look at least this often. */
const lookEveryMs = 60_000;
const backoff: BackoffPolicy = { firstMs: 5_000, capMs: 900_000 };

/**
 * Runs the jobs of the program one after the other, each when it is due and on one instance only. Any number of
 * instances may run it: they meet in the table `scheduled_jobs`.
 */
export class Scheduler {
  readonly #options: Required<Omit<SchedulerOptions, 'onRun'>> & Pick<SchedulerOptions, 'onRun'>;
  readonly #jobs: ReadonlyMap<string, ScheduledJob>;
  #stopping: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: SchedulerOptions) {
    this.#options = { leaseMs: 60_000, ...options };
    this.#jobs = new Map(options.jobs.map((job) => [job.name, job]));
    if (this.#jobs.size !== options.jobs.length) throw new Error('two scheduled jobs have the same name');
  }

  start(): void {
    if (this.#stopping || this.#jobs.size === 0) return;
    this.#stopping = new AbortController();
    this.#running = this.#run(this.#stopping.signal);
  }

  /** Tells the running job to end early, and waits for it. */
  async stop(): Promise<void> {
    this.#stopping?.abort();
    await this.#running;
    this.#stopping = undefined;
  }

  /** Runs all that is due now; what `start()` does each time it wakes. Returns the names of what it ran. */
  async runDue(signal: AbortSignal): Promise<string[]> {
    const { db, leaseMs } = this.#options;
    const names = [...this.#jobs.keys()];
    await ensureJobs(db, names);
    const ran: string[] = [];
    while (!signal.aborted) {
      const claimed = await claimDueJob(db, { names, leaseMs });
      const job = claimed && this.#jobs.get(claimed.name);
      if (claimed === undefined || job === undefined) break;
      await this.#runOne(job, claimed, signal);
      ran.push(job.name);
    }
    return ran;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let pauseMs = lookEveryMs;
      try {
        await this.runDue(signal);
        const dueMs = await msUntilDue(this.#options.db, [...this.#jobs.keys()]);
        // A little later each time at random: instances do not all wake for the same job.
        pauseMs = Math.min(lookEveryMs, Math.max(0, dueMs ?? lookEveryMs) + 10 + Math.random() * 250);
      } catch (error) {
        this.#options.log.warn({ error }, 'the scheduled jobs cannot be read; trying again');
      }
      await wait(pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  async #runOne(job: ScheduledJob, claimed: ClaimedJob, stopping: AbortSignal): Promise<void> {
    const { db, log, onRun } = this.#options;
    const startedAt = performance.now();
    const lease = this.#keepLease(claimed);
    const seconds = (): number => (performance.now() - startedAt) / 1_000;
    try {
      const result = await job.run(AbortSignal.any([stopping, lease.lost]));
      await finishJob(db, claimed, { result, nextInMs: job.everySeconds * 1_000 });
      log.info({ job: job.name, ...result }, 'scheduled job done');
      onRun?.({ name: job.name, ok: true, seconds: seconds() });
    } catch (error) {
      const failures = claimed.failures + 1;
      const nextInMs = Math.min(job.everySeconds * 1_000, backoffMs(failures, backoff));
      await finishJob(db, claimed, { error, nextInMs });
      if (!stopping.aborted)
        log.error({ error, job: job.name, failures }, 'a scheduled job failed; it comes again');
      onRun?.({ name: job.name, ok: false, seconds: seconds() });
    } finally {
      await lease.end();
    }
  }

  /** Renews it in thirds of its time; `lost` is aborted when another instance may have taken over. */
  #keepLease(claimed: ClaimedJob): { lost: AbortSignal; end: () => Promise<void> } {
    const { db, leaseMs } = this.#options;
    const lost = new AbortController();
    const ended = new AbortController();
    const keep = async (): Promise<void> => {
      while (!ended.signal.aborted) {
        await wait(leaseMs / 3, undefined, { signal: ended.signal }).catch(() => {});
        if (ended.signal.aborted) return;
        const kept = await renewLease(db, claimed, leaseMs).catch(() => false);
        if (!kept) return lost.abort();
      }
    };
    const keeping = keep();
    return {
      lost: lost.signal,
      end: async () => {
        ended.abort();
        await keeping;
      },
    };
  }
}
