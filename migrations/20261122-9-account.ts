import type { Knex } from 'knex';
import { type AddedConstraint, addConstraints } from './added-constraint.ts';

/** A closed account keeps its row, for the orders and devices of its time, and nothing that tells whose it was. */
const closedIsNobody: AddedConstraint = {
  name: 'users_deleted_is_nobody',
  table: 'users',
  columns: ['id', 'status', 'email', 'display_name', 'role'],
  conflictQuery: `SELECT 'user ' || id || ' is deleted but has a name, an address or a role' AS conflict
    FROM users WHERE status = 'deleted'
      AND (email IS NOT NULL OR display_name IS NOT NULL OR role <> 'user') ORDER BY id`,
  statement: `ALTER TABLE users ADD CONSTRAINT users_deleted_is_nobody CHECK (
    (status = 'deleted') = (deleted_at IS NOT NULL)
    AND (status <> 'deleted' OR (email IS NULL AND display_name IS NULL AND role = 'user')))`,
};

export const adds = [closedIsNobody];

/** Consents, closed accounts, and the indexes by which the retention job finds what is over. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    ALTER TABLE users ADD COLUMN deleted_at timestamptz;
    UPDATE users SET deleted_at = updated_at WHERE status = 'deleted';

    -- Every change is a row: the newest of a kind counts.
    CREATE TABLE account_consents (
      id bigint GENERATED ALWAYS AS IDENTITY,
      user_id uuid NOT NULL,
      kind text NOT NULL,
      given boolean NOT NULL,
      at timestamptz NOT NULL,
      CONSTRAINT account_consents_pkey PRIMARY KEY (id),
      CONSTRAINT account_consents_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
      CONSTRAINT account_consents_kind_known CHECK (kind IN ('adult_declared', 'ai_features', 'marketing')),
      -- What somebody declared stays declared.
      CONSTRAINT account_consents_declaration_stays CHECK (given OR kind <> 'adult_declared')
    );
    CREATE INDEX account_consents_newest ON account_consents (user_id, kind, id DESC);

    -- Whoever adds something to an account while it is being closed waits, and then begins anew: that is what a
    -- serialization failure asks for.
    CREATE FUNCTION refuse_closed_account() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      standing text;
    BEGIN
      SELECT status INTO standing FROM users WHERE id = NEW.user_id FOR KEY SHARE;
      IF standing = 'deleted' THEN
        RAISE EXCEPTION 'the account % is closed', NEW.user_id USING ERRCODE = 'serialization_failure';
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER account_consents_open BEFORE INSERT ON account_consents
      FOR EACH ROW EXECUTE FUNCTION refuse_closed_account();
    CREATE TRIGGER device_ownerships_open BEFORE INSERT ON device_ownerships
      FOR EACH ROW EXECUTE FUNCTION refuse_closed_account();
    CREATE TRIGGER identities_open BEFORE INSERT ON identities
      FOR EACH ROW EXECUTE FUNCTION refuse_closed_account();
    CREATE TRIGGER sessions_open BEFORE INSERT ON sessions
      FOR EACH ROW EXECUTE FUNCTION refuse_closed_account();

    CREATE INDEX device_ownerships_ended ON device_ownerships (ended_at) WHERE ended_at IS NOT NULL;
    CREATE INDEX orders_with_person ON orders (created_at) WHERE email IS NOT NULL OR shipping IS NOT NULL;
    -- These come in the order of their time: a block range index is a few pages, whatever the size of the table.
    CREATE INDEX device_events_received ON device_events USING brin (received_at) WITH (autosummarize = on);
    CREATE INDEX device_telemetry_received ON device_telemetry USING brin (received_at) WITH (autosummarize = on);
    CREATE INDEX ingested_messages_received ON ingested_messages USING brin (received_at) WITH (autosummarize = on);
    CREATE INDEX webhook_events_received ON webhook_events USING brin (received_at) WITH (autosummarize = on);
    CREATE INDEX refresh_tokens_issued ON refresh_tokens USING brin (issued_at) WITH (autosummarize = on);
  `);
  await addConstraints(db, adds);
}
