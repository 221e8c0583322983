import type { Knex } from 'knex';

/** An invitation that is not an additional one is for the first admin alone, and there is one of them at a time. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    UPDATE staff_invitations SET expires_at = least(expires_at, now()) WHERE redeemed_at IS NULL;
    ALTER TABLE staff_invitations ADD COLUMN additional boolean NOT NULL DEFAULT true;
    CREATE UNIQUE INDEX staff_invitations_one_first ON staff_invitations ((true)) WHERE NOT additional AND redeemed_at IS NULL;
  `);
}
