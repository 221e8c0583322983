import type { Knex } from 'knex';

/**
 * Who else may see a device, how it goes to another owner, and entitlements that end. Both kinds of invitation belong to
 * one ownership, by its epoch, and do not outlive it.
 */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    -- An invitation, and once it is accepted the right to view. Tokens are stored as SHA-256 only.
    CREATE TABLE device_shares (
      id uuid,
      device_id text NOT NULL,
      epoch integer NOT NULL,
      slot smallint NOT NULL,
      invited_email text,
      token_hash bytea NOT NULL,
      created_at timestamptz NOT NULL,
      invitation_expires_at timestamptz NOT NULL,
      viewer_id uuid,
      accepted_at timestamptz,
      expires_at timestamptz NOT NULL,
      ended_at timestamptz,
      end_reason text,
      CONSTRAINT device_shares_pkey PRIMARY KEY (id),
      CONSTRAINT device_shares_ownership_fkey
        FOREIGN KEY (device_id, epoch) REFERENCES device_ownerships (device_id, epoch),
      CONSTRAINT device_shares_viewer_fkey FOREIGN KEY (viewer_id) REFERENCES users (id),
      CONSTRAINT device_shares_token_unique UNIQUE (token_hash),
      -- Ten at a time: each open one of a device takes a place of its own.
      CONSTRAINT device_shares_ten_slots CHECK (slot BETWEEN 1 AND 10),
      CONSTRAINT device_shares_email_normalised CHECK (invited_email = lower(btrim(invited_email))),
      CONSTRAINT device_shares_accepted_by_viewer CHECK ((viewer_id IS NULL) = (accepted_at IS NULL)),
      CONSTRAINT device_shares_windows CHECK (invitation_expires_at > created_at AND expires_at >= invitation_expires_at),
      CONSTRAINT device_shares_ended_with_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
      CONSTRAINT device_shares_end_known
        CHECK (end_reason IN ('expired', 'replaced', 'revoked', 'left', 'ownership_ended')),
      CONSTRAINT device_shares_ended_forgets_address CHECK (ended_at IS NULL OR invited_email IS NULL)
    );
    CREATE UNIQUE INDEX device_shares_one_per_slot ON device_shares (device_id, slot) WHERE ended_at IS NULL;
    CREATE UNIQUE INDEX device_shares_one_per_viewer ON device_shares (device_id, viewer_id) WHERE ended_at IS NULL;
    CREATE UNIQUE INDEX device_shares_one_invitation_per_address ON device_shares (device_id, invited_email)
      WHERE ended_at IS NULL AND accepted_at IS NULL;
    CREATE INDEX device_shares_ownership ON device_shares (device_id, epoch);
    CREATE INDEX device_shares_viewer ON device_shares (viewer_id);
    CREATE INDEX device_shares_lapse ON device_shares (expires_at) WHERE ended_at IS NULL;

    -- An owner's offer of the device to another address; the owner is that of the epoch.
    CREATE TABLE device_transfers (
      id uuid,
      device_id text NOT NULL,
      epoch integer NOT NULL,
      recipient_email text,
      token_hash bytea NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      to_user_id uuid,
      closed_at timestamptz,
      close_reason text,
      CONSTRAINT device_transfers_pkey PRIMARY KEY (id),
      CONSTRAINT device_transfers_ownership_fkey
        FOREIGN KEY (device_id, epoch) REFERENCES device_ownerships (device_id, epoch),
      CONSTRAINT device_transfers_recipient_fkey FOREIGN KEY (to_user_id) REFERENCES users (id),
      CONSTRAINT device_transfers_token_unique UNIQUE (token_hash),
      CONSTRAINT device_transfers_email_normalised CHECK (recipient_email = lower(btrim(recipient_email))),
      CONSTRAINT device_transfers_end_after_start CHECK (expires_at > created_at),
      CONSTRAINT device_transfers_closed_with_reason CHECK ((closed_at IS NULL) = (close_reason IS NULL)),
      CONSTRAINT device_transfers_close_known
        CHECK (close_reason IN ('accepted', 'cancelled', 'expired', 'ownership_ended')),
      CONSTRAINT device_transfers_accepted_by_recipient
        CHECK ((to_user_id IS NOT NULL) = (close_reason IS NOT DISTINCT FROM 'accepted')),
      CONSTRAINT device_transfers_closed_forgets_address CHECK ((closed_at IS NULL) = (recipient_email IS NOT NULL))
    );
    CREATE UNIQUE INDEX device_transfers_one_open ON device_transfers (device_id) WHERE closed_at IS NULL;
    CREATE UNIQUE INDEX device_transfers_one_accepted ON device_transfers (device_id, epoch)
      WHERE close_reason = 'accepted';
    CREATE INDEX device_transfers_ownership ON device_transfers (device_id, epoch);
    CREATE INDEX device_transfers_recipient ON device_transfers (to_user_id);
    CREATE INDEX device_transfers_open_by_address ON device_transfers (recipient_email) WHERE closed_at IS NULL;
    CREATE INDEX device_transfers_lapse ON device_transfers (expires_at) WHERE closed_at IS NULL;

    -- Nothing is shared or offered but by the present owner, and nobody views as a guest what is one's own. The lock
    -- keeps the ownership from ending meanwhile.
    CREATE FUNCTION require_present_ownership() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      owner uuid;
    BEGIN
      SELECT user_id INTO owner FROM device_ownerships
        WHERE device_id = NEW.device_id AND epoch = NEW.epoch AND ended_at IS NULL FOR SHARE;
      IF owner IS NULL THEN
        RAISE EXCEPTION 'the ownership of % in epoch % is over', NEW.device_id, NEW.epoch
          USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_of_present_ownership';
      ELSIF TG_TABLE_NAME = 'device_shares' AND to_jsonb(NEW) ->> 'viewer_id' = owner::text THEN
        RAISE EXCEPTION 'the owner of % is no viewer of it', NEW.device_id
          USING ERRCODE = 'check_violation', CONSTRAINT = 'device_shares_viewer_is_not_owner';
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER device_shares_of_present_ownership BEFORE INSERT OR UPDATE OF device_id, epoch, viewer_id
      ON device_shares FOR EACH ROW EXECUTE FUNCTION require_present_ownership();
    CREATE TRIGGER device_transfers_of_present_ownership BEFORE INSERT OR UPDATE OF device_id, epoch
      ON device_transfers FOR EACH ROW EXECUTE FUNCTION require_present_ownership();

    CREATE FUNCTION refuse_end_with_guests() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (SELECT FROM device_shares
          WHERE device_id = NEW.device_id AND epoch = NEW.epoch AND ended_at IS NULL)
        OR EXISTS (SELECT FROM device_transfers
          WHERE device_id = NEW.device_id AND epoch = NEW.epoch AND closed_at IS NULL) THEN
        RAISE EXCEPTION 'shares and offers of % end before its ownership', NEW.device_id
          USING ERRCODE = 'check_violation', CONSTRAINT = 'device_ownerships_end_without_guests';
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER device_ownerships_end_without_guests BEFORE UPDATE OF ended_at ON device_ownerships
      FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION refuse_end_with_guests();

    -- Up to which epoch the shadows of former owners are wiped: before, they are not the present owner's to see.
    ALTER TABLE devices ADD COLUMN shadows_wiped_epoch integer NOT NULL DEFAULT 0,
      ADD CONSTRAINT devices_shadows_wiped_counts CHECK (shadows_wiped_epoch >= 0);
    UPDATE devices SET shadows_wiped_epoch = ownership_epoch;

    ALTER TABLE entitlements DROP CONSTRAINT entitlements_status_known,
      ADD CONSTRAINT entitlements_status_known CHECK (status IN ('active', 'suspended', 'revoked', 'expired')),
      ADD CONSTRAINT entitlements_expired_has_end CHECK (status <> 'expired' OR ends_at IS NOT NULL);
    CREATE INDEX entitlements_running ON entitlements (ends_at) WHERE status = 'active';
    ALTER TABLE entitlement_grants DROP CONSTRAINT entitlement_grants_change_known,
      ADD CONSTRAINT entitlement_grants_change_known CHECK (change IN ('granted', 'extended', 'suspended', 'restored',
        'revoked', 'expired', 'transferred'));
  `);
}
