import type { Knex } from 'knex';

/** Which station is at work on which list of boards: two of them with one list would each make half of it. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    CREATE TABLE factory_batch_leases (
      batch_id text NOT NULL,
      list_sha256 bytea NOT NULL,
      station_id text NOT NULL,
      acquired_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      CONSTRAINT factory_batch_leases_pkey PRIMARY KEY (batch_id, list_sha256),
      CONSTRAINT factory_batch_leases_station_fkey FOREIGN KEY (station_id) REFERENCES factory_stations (station_id),
      CONSTRAINT factory_batch_leases_digest_length CHECK (octet_length(list_sha256) = 32),
      CONSTRAINT factory_batch_leases_expire_soon
        CHECK (expires_at > acquired_at AND expires_at <= acquired_at + interval '1 day')
    );
    CREATE INDEX factory_batch_leases_station ON factory_batch_leases (station_id);
  `);
}
