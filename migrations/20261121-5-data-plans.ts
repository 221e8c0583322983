import type { Knex } from 'knex';
import { uniqueIndex } from './added-constraint.ts';

export const adds = [
  uniqueIndex({ name: 'sims_eid', table: 'sims', columns: ['eid'], rowName: `'…' || right(iccid, 4)` }),
];

/** Data plans, their purchases, what they allow, and the pace at which the carrier is called. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    ALTER TABLE sims
      ADD COLUMN synced_at timestamptz,
      ADD COLUMN usage_alert text,
      ADD COLUMN usage_alert_at timestamptz,
      ADD CONSTRAINT sims_usage_alert_known
        CHECK (usage_alert IN ('below_100_mb', 'below_10_percent', 'below_7_days')),
      ADD CONSTRAINT sims_usage_alert_dated CHECK ((usage_alert IS NULL) = (usage_alert_at IS NULL));
    CREATE UNIQUE INDEX sims_eid ON sims (eid);

    CREATE TABLE data_plans (
      plan_id text,
      name text NOT NULL,
      description text NOT NULL,
      package_code text NOT NULL,
      price_minor integer NOT NULL,
      currency text NOT NULL,
      data_mb integer,
      duration_days integer NOT NULL,
      capabilities text[] NOT NULL,
      active boolean NOT NULL DEFAULT true,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT data_plans_pkey PRIMARY KEY (plan_id),
      CONSTRAINT data_plans_id_shape CHECK (plan_id ~ '^[a-z0-9][a-z0-9-]{1,62}$'),
      CONSTRAINT data_plans_currency_shape CHECK (currency ~ '^[a-z]{3}$'),
      CONSTRAINT data_plans_figures_count CHECK (price_minor > 0 AND duration_days > 0 AND data_mb > 0)
    );

    -- What was bought is copied from the plan: plans change, purchases do not.
    CREATE TABLE data_plan_purchases (
      id uuid DEFAULT gen_random_uuid(),
      user_id uuid NOT NULL,
      device_id text NOT NULL,
      plan_id text NOT NULL,
      package_code text NOT NULL,
      price_minor integer NOT NULL,
      currency text NOT NULL,
      duration_days integer NOT NULL,
      capabilities text[] NOT NULL,
      iccid text,
      status text NOT NULL DEFAULT 'pending',
      resume_status text,
      stripe_session_id text,
      payment_intent text,
      refunded_minor integer NOT NULL DEFAULT 0,
      carrier_order_id text,
      order_tried_at timestamptz,
      checked_at timestamptz,
      paid_at timestamptz,
      activated_at timestamptz,
      ends_at timestamptz,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      CONSTRAINT data_plan_purchases_pkey PRIMARY KEY (id),
      CONSTRAINT data_plan_purchases_user_fkey FOREIGN KEY (user_id) REFERENCES users (id),
      CONSTRAINT data_plan_purchases_device_fkey FOREIGN KEY (device_id) REFERENCES devices (device_id),
      CONSTRAINT data_plan_purchases_plan_fkey FOREIGN KEY (plan_id) REFERENCES data_plans (plan_id),
      CONSTRAINT data_plan_purchases_sim_fkey FOREIGN KEY (iccid) REFERENCES sims (iccid),
      CONSTRAINT data_plan_purchases_session_unique UNIQUE (stripe_session_id),
      CONSTRAINT data_plan_purchases_payment_unique UNIQUE (payment_intent),
      CONSTRAINT data_plan_purchases_status_known CHECK (status IN ('pending', 'pending_assignment', 'paid',
        'ordering', 'active', 'expired', 'failed', 'refunded', 'disputed')),
      CONSTRAINT data_plan_purchases_disputed_resumes CHECK ((status = 'disputed') = (resume_status IS NOT NULL)),
      CONSTRAINT data_plan_purchases_active_window
        CHECK ((activated_at IS NULL) = (ends_at IS NULL) AND ends_at > activated_at),
      CONSTRAINT data_plan_purchases_refund_counts CHECK (refunded_minor >= 0)
    );
    CREATE INDEX data_plan_purchases_user ON data_plan_purchases (user_id, created_at DESC, id DESC);
    CREATE INDEX data_plan_purchases_device ON data_plan_purchases (device_id);
    CREATE INDEX data_plan_purchases_plan ON data_plan_purchases (plan_id);
    CREATE INDEX data_plan_purchases_sim ON data_plan_purchases (iccid);
    CREATE INDEX data_plan_purchases_order ON data_plan_purchases (carrier_order_id);
    CREATE INDEX data_plan_purchases_open ON data_plan_purchases (status, updated_at)
      WHERE status NOT IN ('pending', 'expired', 'failed', 'refunded');

    -- What Stripe said of refunds and disputes, kept by payment: it may come before it is known whose payment it is.
    -- A total is the sum of a payment's refunds as Stripe counted them at that time.
    CREATE TABLE data_plan_refunds (
      refund_id text,
      payment_intent text NOT NULL,
      kind text NOT NULL,
      amount_minor integer NOT NULL,
      failed boolean NOT NULL DEFAULT false,
      updated_at timestamptz NOT NULL,
      CONSTRAINT data_plan_refunds_pkey PRIMARY KEY (refund_id),
      CONSTRAINT data_plan_refunds_kind_known CHECK (kind IN ('refund', 'total')),
      CONSTRAINT data_plan_refunds_amount_counts CHECK (amount_minor >= 0)
    );
    CREATE INDEX data_plan_refunds_payment ON data_plan_refunds (payment_intent);
    CREATE TABLE data_plan_disputes (
      dispute_id text,
      payment_intent text NOT NULL,
      outcome text NOT NULL,
      updated_at timestamptz NOT NULL,
      CONSTRAINT data_plan_disputes_pkey PRIMARY KEY (dispute_id),
      CONSTRAINT data_plan_disputes_outcome_known CHECK (outcome IN ('open', 'won', 'lost'))
    );
    CREATE INDEX data_plan_disputes_payment ON data_plan_disputes (payment_intent);

    ALTER TABLE entitlements
      ADD COLUMN purchase_id uuid,
      ADD CONSTRAINT entitlements_purchase_fkey FOREIGN KEY (purchase_id) REFERENCES data_plan_purchases (id),
      ADD CONSTRAINT entitlements_purchase_named CHECK (purchase_id IS NULL OR source = 'purchase');
    CREATE UNIQUE INDEX entitlements_one_per_purchase ON entitlements (purchase_id, capability);

    -- Until when the calls of an account are spoken for; may be lost at a crash.
    CREATE UNLOGGED TABLE call_slots (
      name text,
      taken_until timestamptz NOT NULL,
      CONSTRAINT call_slots_pkey PRIMARY KEY (name)
    );
  `);
}
