import type { Knex } from 'knex';

/** What a repeated manifest is answered, and when a board was last heard of. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    ALTER TABLE factory_manifests ADD COLUMN result jsonb NOT NULL;
    ALTER TABLE devices ADD COLUMN last_seen_at timestamptz;
  `);
}
