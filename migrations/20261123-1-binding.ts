import type { Knex } from 'knex';

/** Claims of boards that confirm their activation themselves: asked for, answered, refused or run out. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    CREATE TABLE device_claims (
      id text,
      device_id text NOT NULL,
      user_id uuid NOT NULL,
      epoch integer NOT NULL,
      nonce text NOT NULL,
      status text NOT NULL DEFAULT 'pending',
      failure text,
      request_id text NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      published_at timestamptz,
      ended_at timestamptz,
      CONSTRAINT device_claims_pkey PRIMARY KEY (id),
      CONSTRAINT device_claims_device_fkey FOREIGN KEY (device_id) REFERENCES devices (device_id),
      CONSTRAINT device_claims_user_fkey FOREIGN KEY (user_id) REFERENCES users (id),
      CONSTRAINT device_claims_id_shape CHECK (id ~ '^[0-7][0-9A-HJKMNP-TV-Z]{25}$'),
      CONSTRAINT device_claims_nonce_shape CHECK (nonce ~ '^[A-Za-z0-9_-]{43}$'),
      CONSTRAINT device_claims_status_known CHECK (status IN ('pending', 'activated', 'refused', 'expired')),
      CONSTRAINT device_claims_end_complete CHECK ((status = 'pending') = (ended_at IS NULL)),
      CONSTRAINT device_claims_failure_complete CHECK ((status IN ('refused', 'expired')) = (failure IS NOT NULL)),
      CONSTRAINT device_claims_expire_soon
        CHECK (expires_at > created_at AND expires_at <= created_at + interval '5 minutes')
    );
    -- One challenge of a board at a time: a second claim waits for the end of the first.
    CREATE UNIQUE INDEX device_claims_one_pending ON device_claims (device_id) WHERE status = 'pending';
    CREATE INDEX device_claims_due ON device_claims (expires_at) WHERE status = 'pending';
    CREATE INDEX device_claims_user ON device_claims (user_id);
    CREATE INDEX device_claims_ended ON device_claims (ended_at) WHERE status <> 'pending';

    -- A claim ends once, whichever instance and whichever message comes first.
    CREATE FUNCTION refuse_second_claim_end() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF OLD.status <> 'pending' THEN
        RAISE EXCEPTION 'claim % has ended as % and does not become %', OLD.id, OLD.status, NEW.status
          USING ERRCODE = 'check_violation', CONSTRAINT = 'device_claims_end_once';
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER device_claims_end_once BEFORE UPDATE OF status ON device_claims
      FOR EACH ROW EXECUTE FUNCTION refuse_second_claim_end();
  `);
}
