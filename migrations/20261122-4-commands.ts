import type { Knex } from 'knex';

/** Commands to boards, and when telemetry came in: what an earlier owner's board said is not the next one's to see. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    CREATE TABLE device_commands (
      id text,
      device_id text NOT NULL,
      epoch integer NOT NULL,
      type text NOT NULL,
      params jsonb NOT NULL,
      status text NOT NULL DEFAULT 'pending',
      result jsonb,
      error jsonb,
      request_id text NOT NULL,
      idempotency_key text,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      published_at timestamptz,
      updated_at timestamptz NOT NULL,
      CONSTRAINT device_commands_pkey PRIMARY KEY (id),
      CONSTRAINT device_commands_ownership_fkey
        FOREIGN KEY (device_id, epoch) REFERENCES device_ownerships (device_id, epoch),
      CONSTRAINT device_commands_id_shape CHECK (id ~ '^[0-7][0-9A-HJKMNP-TV-Z]{25}$'),
      CONSTRAINT device_commands_status_known CHECK (status IN ('pending', 'accepted', 'running', 'succeeded', 'failed',
        'rejected', 'expired')),
      CONSTRAINT device_commands_expire_after_creation CHECK (expires_at > created_at)
    );
    CREATE INDEX device_commands_by_time ON device_commands (device_id, epoch, created_at DESC, id DESC);
    CREATE UNIQUE INDEX device_commands_one_per_key ON device_commands (device_id, epoch, idempotency_key)
      WHERE idempotency_key IS NOT NULL;
    CREATE INDEX device_commands_open ON device_commands (expires_at)
      WHERE status IN ('pending', 'accepted', 'running');

    -- A command goes forward only, and an end stays what it is.
    CREATE FUNCTION refuse_command_step_back() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      steps constant text[] := ARRAY['pending', 'accepted', 'running'];
    BEGIN
      IF coalesce(array_position(steps, NEW.status), 4) <= coalesce(array_position(steps, OLD.status), 4) THEN
        RAISE EXCEPTION 'command % does not go from % to %', OLD.id, OLD.status, NEW.status
          USING ERRCODE = 'check_violation', CONSTRAINT = 'device_commands_forward';
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER device_commands_forward BEFORE UPDATE OF status ON device_commands
      FOR EACH ROW EXECUTE FUNCTION refuse_command_step_back();

    -- Whoever waits for a command, on whichever instance, hears of every step.
    CREATE FUNCTION announce_command() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('device_commands', NEW.id);
      RETURN NULL;
    END $$;
    CREATE TRIGGER device_commands_announced AFTER UPDATE OF status ON device_commands
      FOR EACH ROW EXECUTE FUNCTION announce_command();

    ALTER TABLE device_telemetry ADD COLUMN received_at timestamptz NOT NULL DEFAULT now();
    UPDATE device_telemetry t SET received_at = m.received_at FROM ingested_messages m
      WHERE m.device_id = t.device_id AND m.event_id = 'telemetry:' || t.event_id;
  `);
}
