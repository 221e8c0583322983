import type { Knex } from 'knex';

/** What every feature stands on: audit trail, outbox, deduplication, shared counters. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END $$;

    -- hash = SHA-256 of the row's canonical text and previous_hash (backend: features/audit/audit-chain.ts).
    CREATE TABLE audit_log (
      seq bigint,
      at timestamptz NOT NULL,
      action text NOT NULL,
      actor_kind text NOT NULL,
      actor_id text,
      subject_kind text NOT NULL,
      subject_id text,
      outcome text NOT NULL,
      details jsonb NOT NULL,
      request_id text,
      previous_hash bytea NOT NULL,
      hash bytea NOT NULL,
      CONSTRAINT audit_log_pkey PRIMARY KEY (seq),
      CONSTRAINT audit_log_outcome_known CHECK (outcome IN ('ok', 'refused', 'failed'))
    );
    CREATE INDEX audit_log_subject ON audit_log (subject_kind, subject_id, seq);
    CREATE INDEX audit_log_actor ON audit_log (actor_kind, actor_id, seq);
    CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
      FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

    -- One row: the end of the chain. Its lock puts the writers into one order.
    CREATE TABLE audit_head (
      id boolean DEFAULT true,
      seq bigint NOT NULL,
      hash bytea NOT NULL,
      CONSTRAINT audit_head_pkey PRIMARY KEY (id),
      CONSTRAINT audit_head_one_row CHECK (id)
    );
    INSERT INTO audit_head (seq, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

    CREATE TRIGGER entitlement_grants_append_only BEFORE UPDATE OR DELETE ON entitlement_grants
      FOR EACH ROW EXECUTE FUNCTION refuse_change();

    -- Intents to be carried out after the commit. A row is deleted when done; dead_at marks one that was given up.
    CREATE TABLE outbox (
      id bigint GENERATED ALWAYS AS IDENTITY,
      topic text NOT NULL,
      key text NOT NULL,
      payload jsonb NOT NULL,
      request_id text,
      attempts integer NOT NULL DEFAULT 0,
      available_at timestamptz NOT NULL DEFAULT now(),
      lease_id uuid,
      leased_until timestamptz,
      last_error text,
      created_at timestamptz NOT NULL DEFAULT now(),
      dead_at timestamptz,
      CONSTRAINT outbox_pkey PRIMARY KEY (id),
      CONSTRAINT outbox_lease_whole CHECK ((lease_id IS NULL) = (leased_until IS NULL))
    );
    CREATE INDEX outbox_due ON outbox (available_at, id) WHERE dead_at IS NULL;
    CREATE INDEX outbox_in_key_order ON outbox (key, id) WHERE dead_at IS NULL;

    CREATE FUNCTION announce_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('outbox', '');
      RETURN NULL;
    END $$;
    CREATE TRIGGER outbox_announced AFTER INSERT ON outbox
      FOR EACH STATEMENT EXECUTE FUNCTION announce_outbox();

    CREATE TABLE webhook_events (
      provider text NOT NULL,
      event_id text NOT NULL,
      type text NOT NULL,
      payload jsonb NOT NULL,
      received_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT webhook_events_pkey PRIMARY KEY (provider, event_id)
    );

    -- Counters that may be lost at a crash, shared by all instances.
    CREATE UNLOGGED TABLE rate_limits (
      key text,
      hits integer NOT NULL,
      resets_at timestamptz NOT NULL,
      CONSTRAINT rate_limits_pkey PRIMARY KEY (key)
    );
    CREATE INDEX rate_limits_resets ON rate_limits (resets_at);

    CREATE TABLE idempotency_keys (
      scope text NOT NULL,
      key text NOT NULL,
      fingerprint bytea NOT NULL,
      status integer,
      body jsonb,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      CONSTRAINT idempotency_keys_pkey PRIMARY KEY (scope, key)
    );
    CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
  `);
}
