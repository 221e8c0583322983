import type { Knex } from 'knex';

/**
 * Which certificate a board was handed over with, once it has another one by a job: whoever made the board knows no other. Null while it has
 * the one that it was handed over with.
 */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    ALTER TABLE devices ADD COLUMN handed_over_certificate_id text,
      ADD CONSTRAINT devices_handed_over_certificate_differs CHECK (handed_over_certificate_id <> certificate_id);
  `);
}
