import type { Knex } from 'knex';

/** Jobs that come round by the clock, each once for all instances together. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    CREATE TABLE scheduled_jobs (
      name text,
      next_run_at timestamptz NOT NULL DEFAULT now(),
      lease_id uuid,
      leased_until timestamptz,
      failures integer NOT NULL DEFAULT 0,
      last_started_at timestamptz,
      last_finished_at timestamptz,
      last_result jsonb,
      last_error text,
      CONSTRAINT scheduled_jobs_pkey PRIMARY KEY (name),
      CONSTRAINT scheduled_jobs_lease_whole CHECK ((lease_id IS NULL) = (leased_until IS NULL)),
      CONSTRAINT scheduled_jobs_failures_count CHECK (failures >= 0)
    );
    CREATE INDEX outbox_dead ON outbox (id) WHERE dead_at IS NOT NULL;
  `);
}
