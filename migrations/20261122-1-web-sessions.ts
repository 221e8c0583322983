import type { Knex } from 'knex';

/** A session may be a browser's: then it has a cookie instead of tokens, of which the hash is kept. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    ALTER TABLE sessions ADD COLUMN web_token_hash bytea;
    CREATE UNIQUE INDEX sessions_web_token ON sessions (web_token_hash) WHERE web_token_hash IS NOT NULL;
  `);
}
