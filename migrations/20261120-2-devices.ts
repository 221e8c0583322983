import type { Knex } from 'knex';

/** Boards as the factory made them, who owns them, what they may use, and what they say. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    CREATE TABLE factory_stations (
      station_id text,
      public_key_pem text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      revoked_at timestamptz,
      CONSTRAINT factory_stations_pkey PRIMARY KEY (station_id),
      CONSTRAINT factory_stations_id_shape CHECK (station_id ~ '^[a-z0-9][a-z0-9-]{1,62}$')
    );

    CREATE TABLE factory_manifests (
      manifest_id text,
      station_id text NOT NULL,
      batch_id text NOT NULL,
      payload_digest bytea NOT NULL,
      device_count integer NOT NULL,
      created_at timestamptz NOT NULL,
      received_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT factory_manifests_pkey PRIMARY KEY (manifest_id),
      CONSTRAINT factory_manifests_station_fkey FOREIGN KEY (station_id) REFERENCES factory_stations (station_id)
    );
    CREATE INDEX factory_manifests_station ON factory_manifests (station_id);
    CREATE INDEX factory_manifests_batch ON factory_manifests (batch_id);

    CREATE TABLE sims (
      iccid text,
      eid text,
      imsi text,
      status text NOT NULL DEFAULT 'provisioned',
      device_id text,
      linked_at timestamptz,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT sims_pkey PRIMARY KEY (iccid),
      CONSTRAINT sims_iccid_shape CHECK (iccid ~ '^[0-9]{18,20}$'),
      CONSTRAINT sims_status_known CHECK (status IN ('provisioned', 'active', 'suspended', 'stopped')),
      CONSTRAINT sims_linked_since CHECK ((device_id IS NULL) = (linked_at IS NULL))
    );
    CREATE UNIQUE INDEX sims_one_per_device ON sims (device_id) WHERE device_id IS NOT NULL;

    -- activation_code_hash describes itself: 'hmac-sha256$<pepper id>$<hex>', or an imported 'sha256$<hex>'.
    -- ownership_epoch counts changes of owner; what was signed or shared in an older epoch is void.
    CREATE TABLE devices (
      device_id text,
      serial text NOT NULL,
      model text NOT NULL,
      certificate_id text,
      activation_code_hash text,
      code_epoch integer NOT NULL DEFAULT 1,
      iccid text,
      activation_policy text NOT NULL DEFAULT 'label',
      ownership_epoch integer NOT NULL DEFAULT 0,
      status text NOT NULL DEFAULT 'planned',
      batch_id text,
      manifest_id text,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT devices_pkey PRIMARY KEY (device_id),
      CONSTRAINT devices_id_shape CHECK (device_id ~ '^aovis-[a-z0-9]{2,8}-[0-9]{6}$'),
      CONSTRAINT devices_serial_unique UNIQUE (serial),
      CONSTRAINT devices_certificate_unique UNIQUE (certificate_id),
      CONSTRAINT devices_iccid_unique UNIQUE (iccid),
      CONSTRAINT devices_iccid_fkey FOREIGN KEY (iccid) REFERENCES sims (iccid),
      CONSTRAINT devices_manifest_fkey FOREIGN KEY (manifest_id) REFERENCES factory_manifests (manifest_id),
      CONSTRAINT devices_policy_known CHECK (activation_policy IN ('label', 'label+device')),
      CONSTRAINT devices_status_known CHECK (status IN ('planned', 'provisioned', 'revoked', 'retired')),
      CONSTRAINT devices_provisioned_complete
        CHECK (status <> 'provisioned' OR (certificate_id IS NOT NULL AND activation_code_hash IS NOT NULL)),
      CONSTRAINT devices_epochs_count CHECK (code_epoch > 0 AND ownership_epoch >= 0)
    );
    CREATE INDEX devices_manifest ON devices (manifest_id);
    CREATE INDEX devices_batch ON devices (batch_id);
    ALTER TABLE sims ADD CONSTRAINT sims_device_fkey FOREIGN KEY (device_id) REFERENCES devices (device_id);

    -- The one source of truth for who owns a device. The name is the owner's and ends with the ownership.
    CREATE TABLE device_ownerships (
      id uuid DEFAULT gen_random_uuid(),
      device_id text NOT NULL,
      user_id uuid NOT NULL,
      epoch integer NOT NULL,
      name text,
      started_at timestamptz NOT NULL DEFAULT now(),
      ended_at timestamptz,
      end_reason text,
      CONSTRAINT device_ownerships_pkey PRIMARY KEY (id),
      CONSTRAINT device_ownerships_device_fkey FOREIGN KEY (device_id) REFERENCES devices (device_id),
      CONSTRAINT device_ownerships_user_fkey FOREIGN KEY (user_id) REFERENCES users (id),
      CONSTRAINT device_ownerships_one_per_epoch UNIQUE (device_id, epoch),
      CONSTRAINT device_ownerships_ended_with_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL))
    );
    CREATE UNIQUE INDEX device_ownerships_one_active ON device_ownerships (device_id) WHERE ended_at IS NULL;
    CREATE INDEX device_ownerships_user ON device_ownerships (user_id);

    CREATE TABLE entitlements (
      id uuid DEFAULT gen_random_uuid(),
      device_id text NOT NULL,
      user_id uuid NOT NULL,
      capability text NOT NULL,
      source text NOT NULL,
      status text NOT NULL DEFAULT 'active',
      starts_at timestamptz NOT NULL,
      ends_at timestamptz,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT entitlements_pkey PRIMARY KEY (id),
      CONSTRAINT entitlements_device_fkey FOREIGN KEY (device_id) REFERENCES devices (device_id),
      CONSTRAINT entitlements_user_fkey FOREIGN KEY (user_id) REFERENCES users (id),
      CONSTRAINT entitlements_source_known CHECK (source IN ('trial', 'purchase', 'grant')),
      CONSTRAINT entitlements_status_known CHECK (status IN ('active', 'suspended', 'revoked')),
      CONSTRAINT entitlements_end_after_start CHECK (ends_at > starts_at)
    );
    -- Once per device, ever: neither a second account nor a second owner gets another trial.
    CREATE UNIQUE INDEX entitlements_one_trial_per_device ON entitlements (device_id, capability) WHERE source = 'trial';
    CREATE INDEX entitlements_device_user ON entitlements (device_id, user_id, capability);
    CREATE INDEX entitlements_user ON entitlements (user_id);

    CREATE TABLE entitlement_grants (
      id bigint GENERATED ALWAYS AS IDENTITY,
      entitlement_id uuid NOT NULL,
      change text NOT NULL,
      reason text NOT NULL,
      ends_at timestamptz,
      at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT entitlement_grants_pkey PRIMARY KEY (id),
      CONSTRAINT entitlement_grants_entitlement_fkey FOREIGN KEY (entitlement_id) REFERENCES entitlements (id),
      CONSTRAINT entitlement_grants_change_known
        CHECK (change IN ('granted', 'extended', 'suspended', 'restored', 'revoked'))
    );
    CREATE INDEX entitlement_grants_entitlement ON entitlement_grants (entitlement_id);

    -- Ids that strangers typed are kept too, hence no foreign keys.
    CREATE TABLE activation_attempts (
      id bigint GENERATED ALWAYS AS IDENTITY,
      device_id text NOT NULL,
      user_id uuid,
      ip text NOT NULL,
      outcome text NOT NULL,
      at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT activation_attempts_pkey PRIMARY KEY (id)
    );
    CREATE INDEX activation_attempts_device ON activation_attempts (device_id, at);
    CREATE INDEX activation_attempts_user ON activation_attempts (user_id, at);
    CREATE INDEX activation_attempts_ip ON activation_attempts (ip, at);

    -- Boards deliver at least once: a message counts once, by this key.
    CREATE TABLE ingested_messages (
      device_id text NOT NULL,
      event_id text NOT NULL,
      kind text NOT NULL,
      received_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT ingested_messages_pkey PRIMARY KEY (device_id, event_id),
      CONSTRAINT ingested_messages_device_fkey FOREIGN KEY (device_id) REFERENCES devices (device_id)
    );

    CREATE TABLE device_events (
      device_id text NOT NULL,
      event_id text NOT NULL,
      type text NOT NULL,
      occurred_at timestamptz NOT NULL,
      seq bigint NOT NULL,
      data jsonb NOT NULL,
      received_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT device_events_pkey PRIMARY KEY (device_id, event_id),
      CONSTRAINT device_events_device_fkey FOREIGN KEY (device_id) REFERENCES devices (device_id)
    );
    CREATE INDEX device_events_by_time ON device_events (device_id, occurred_at DESC, event_id DESC);

    CREATE TABLE device_telemetry (
      id bigint GENERATED ALWAYS AS IDENTITY,
      device_id text NOT NULL,
      event_id text NOT NULL,
      metric text NOT NULL,
      value double precision NOT NULL,
      unit text NOT NULL,
      at timestamptz NOT NULL,
      CONSTRAINT device_telemetry_pkey PRIMARY KEY (id),
      CONSTRAINT device_telemetry_device_fkey FOREIGN KEY (device_id) REFERENCES devices (device_id)
    );
    CREATE INDEX device_telemetry_by_time ON device_telemetry (device_id, at DESC, id DESC);
    CREATE INDEX device_telemetry_by_metric ON device_telemetry (device_id, metric, at DESC);

    -- Presence events come unordered and twice: the higher version number wins.
    CREATE TABLE device_presence (
      device_id text,
      online boolean NOT NULL,
      version bigint NOT NULL,
      session_id text,
      disconnect_reason text,
      changed_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT device_presence_pkey PRIMARY KEY (device_id),
      CONSTRAINT device_presence_device_fkey FOREIGN KEY (device_id) REFERENCES devices (device_id)
    );
  `);
}
