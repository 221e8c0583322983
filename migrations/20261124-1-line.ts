import type { Knex } from 'knex';

/** API keys of production lines, the boards they make, and the credentials of these until they are fetched. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    CREATE TABLE factory_api_keys (
      key_id text,
      line_id text NOT NULL,
      secret_hash bytea NOT NULL,
      scopes text[] NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz,
      revoked_at timestamptz,
      last_used_at timestamptz,
      replaces text,
      CONSTRAINT factory_api_keys_pkey PRIMARY KEY (key_id),
      CONSTRAINT factory_api_keys_replaces_fkey FOREIGN KEY (replaces) REFERENCES factory_api_keys (key_id),
      CONSTRAINT factory_api_keys_id_shape CHECK (key_id ~ '^[a-z0-9]{16}$'),
      CONSTRAINT factory_api_keys_line_shape CHECK (line_id ~ '^[a-z0-9][a-z0-9-]{1,62}$'),
      CONSTRAINT factory_api_keys_hash_length CHECK (octet_length(secret_hash) = 32),
      CONSTRAINT factory_api_keys_scopes_known CHECK (
        cardinality(scopes) > 0
        AND scopes <@ ARRAY['provision', 'claim', 'credentials', 'register', 'rotate']
      )
    );
    CREATE INDEX factory_api_keys_line ON factory_api_keys (line_id);
    -- One successor: who rotates twice rotates the successor.
    CREATE UNIQUE INDEX factory_api_keys_one_successor ON factory_api_keys (replaces);

    CREATE TABLE line_boards (
      device_id text,
      line_id text NOT NULL,
      model text NOT NULL,
      batch_id text NOT NULL,
      hardware_id text,
      claimed_at timestamptz,
      created_at timestamptz NOT NULL,
      CONSTRAINT line_boards_pkey PRIMARY KEY (device_id),
      CONSTRAINT line_boards_device_fkey FOREIGN KEY (device_id) REFERENCES devices (device_id),
      CONSTRAINT line_boards_claim_complete CHECK ((hardware_id IS NULL) = (claimed_at IS NULL))
    );
    CREATE UNIQUE INDEX line_boards_hardware ON line_boards (hardware_id);

    -- 'sealed' is the only place where a key or a code lies, encrypted, from its making until it was shown.
    CREATE TABLE line_credentials (
      device_id text,
      version integer NOT NULL,
      state text NOT NULL DEFAULT 'preparing',
      csr text,
      activation_code_hash text,
      certificate_id text,
      sealed text,
      created_at timestamptz NOT NULL,
      shown_at timestamptz,
      registered_at timestamptz,
      CONSTRAINT line_credentials_pkey PRIMARY KEY (device_id, version),
      CONSTRAINT line_credentials_board_fkey FOREIGN KEY (device_id) REFERENCES line_boards (device_id),
      CONSTRAINT line_credentials_version_counts CHECK (version > 0),
      CONSTRAINT line_credentials_state_known
        CHECK (state IN ('preparing', 'refused', 'ready', 'shown', 'registered', 'replaced')),
      CONSTRAINT line_credentials_made CHECK (
        state IN ('preparing', 'refused', 'replaced') OR (certificate_id IS NOT NULL AND activation_code_hash IS NOT NULL)
      ),
      CONSTRAINT line_credentials_sealed_while_ready CHECK ((state = 'ready') = (sealed IS NOT NULL)),
      CONSTRAINT line_credentials_certificate_shape CHECK (certificate_id ~ '^[0-9a-f]{64}$')
    );
    CREATE UNIQUE INDEX line_credentials_certificate ON line_credentials (certificate_id);
  `);
}
