import type { Knex } from 'knex';

/** Who signs in, how, and what keeps them signed in. Tokens are stored as SHA-256 only. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    CREATE TABLE users (
      id uuid DEFAULT gen_random_uuid(),
      email text,
      email_verified_at timestamptz,
      display_name text,
      role text NOT NULL DEFAULT 'user',
      status text NOT NULL DEFAULT 'active',
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT users_pkey PRIMARY KEY (id),
      CONSTRAINT users_role_known CHECK (role IN ('user', 'admin')),
      CONSTRAINT users_status_known CHECK (status IN ('active', 'disabled', 'deleted')),
      CONSTRAINT users_email_normalised CHECK (email = lower(btrim(email))),
      CONSTRAINT users_verified_has_email CHECK (email_verified_at IS NULL OR email IS NOT NULL)
    );
    CREATE UNIQUE INDEX users_one_per_verified_email ON users (email) WHERE email_verified_at IS NOT NULL;

    CREATE TABLE identities (
      id uuid DEFAULT gen_random_uuid(),
      user_id uuid NOT NULL,
      provider text NOT NULL,
      subject text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      last_used_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT identities_pkey PRIMARY KEY (id),
      CONSTRAINT identities_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
      CONSTRAINT identities_provider_known CHECK (provider IN ('google', 'apple', 'email')),
      CONSTRAINT identities_one_per_subject UNIQUE (provider, subject)
    );
    CREATE INDEX identities_user ON identities (user_id);

    CREATE TABLE sessions (
      id uuid DEFAULT gen_random_uuid(),
      user_id uuid NOT NULL,
      method text NOT NULL,
      user_agent text,
      created_at timestamptz NOT NULL DEFAULT now(),
      last_used_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      revoked_at timestamptz,
      revoked_reason text,
      CONSTRAINT sessions_pkey PRIMARY KEY (id),
      CONSTRAINT sessions_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
      CONSTRAINT sessions_revoked_with_reason CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
    );
    CREATE INDEX sessions_user ON sessions (user_id);

    -- A session's refresh tokens are one family: each replaces the one before it.
    CREATE TABLE refresh_tokens (
      token_hash bytea,
      session_id uuid NOT NULL,
      generation integer NOT NULL,
      issued_at timestamptz NOT NULL,
      rotated_at timestamptz,
      CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash),
      CONSTRAINT refresh_tokens_session_fkey FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE,
      CONSTRAINT refresh_tokens_one_per_generation UNIQUE (session_id, generation)
    );
    CREATE UNIQUE INDEX refresh_tokens_one_current ON refresh_tokens (session_id) WHERE rotated_at IS NULL;

    CREATE TABLE magic_links (
      id uuid DEFAULT gen_random_uuid(),
      email text NOT NULL,
      token_hash bytea NOT NULL,
      requester_hash bytea NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      used_at timestamptz,
      voided_at timestamptz,
      CONSTRAINT magic_links_pkey PRIMARY KEY (id),
      CONSTRAINT magic_links_token_unique UNIQUE (token_hash)
    );
    CREATE INDEX magic_links_open_by_email ON magic_links (email) WHERE used_at IS NULL AND voided_at IS NULL;
  `);
}
