import type { Knex } from 'knex';

/** Staff: a second role, and one-time invitations to become one of them. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    ALTER TABLE users
      DROP CONSTRAINT users_role_known,
      ADD CONSTRAINT users_role_known CHECK (role IN ('user', 'support', 'admin'));
    CREATE INDEX users_staff ON users (role) WHERE role <> 'user';
    CREATE INDEX users_newest ON users (created_at DESC, id DESC);
    CREATE INDEX users_email ON users (email text_pattern_ops);
    CREATE INDEX orders_newest ON orders (created_at DESC, id DESC);
    CREATE INDEX orders_email ON orders (lower(email));
    CREATE INDEX audit_log_request ON audit_log (request_id);

    CREATE TABLE staff_invitations (
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      token_hash bytea NOT NULL,
      role text NOT NULL,
      email text,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      redeemed_at timestamptz,
      redeemed_by uuid,
      CONSTRAINT staff_invitations_pkey PRIMARY KEY (id),
      CONSTRAINT staff_invitations_token_unique UNIQUE (token_hash),
      CONSTRAINT staff_invitations_role_known CHECK (role IN ('support', 'admin')),
      CONSTRAINT staff_invitations_email_normalised CHECK (email = lower(btrim(email))),
      CONSTRAINT staff_invitations_redeemed_by_somebody CHECK ((redeemed_at IS NULL) = (redeemed_by IS NULL)),
      CONSTRAINT staff_invitations_redeemer_fkey FOREIGN KEY (redeemed_by) REFERENCES users (id)
    );
    CREATE INDEX staff_invitations_redeemer ON staff_invitations (redeemed_by);
  `);
}
