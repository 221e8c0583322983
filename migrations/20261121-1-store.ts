import type { Knex } from 'knex';

/** The shop: what is sold, who ordered it, and what the payment provider said about the money. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    CREATE TABLE products (
      id uuid DEFAULT gen_random_uuid(),
      slug text NOT NULL,
      name text NOT NULL,
      description text NOT NULL,
      active boolean NOT NULL,
      position integer NOT NULL,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      CONSTRAINT products_pkey PRIMARY KEY (id),
      CONSTRAINT products_slug_key UNIQUE (slug)
    );

    -- stock: pieces that lie in the warehouse; reserved: those of them that open orders hold.
    CREATE TABLE product_variants (
      id uuid DEFAULT gen_random_uuid(),
      product_id uuid NOT NULL,
      sku text NOT NULL,
      name text NOT NULL,
      price_minor integer NOT NULL,
      currency text NOT NULL,
      stock integer NOT NULL,
      reserved integer NOT NULL DEFAULT 0,
      active boolean NOT NULL,
      position integer NOT NULL,
      CONSTRAINT product_variants_pkey PRIMARY KEY (id),
      CONSTRAINT product_variants_sku_key UNIQUE (sku),
      CONSTRAINT product_variants_product_fkey FOREIGN KEY (product_id) REFERENCES products (id),
      CONSTRAINT product_variants_price_positive CHECK (price_minor > 0),
      CONSTRAINT product_variants_currency_form CHECK (currency ~ '^[a-z]{3}$'),
      CONSTRAINT product_variants_stock_covers CHECK (reserved >= 0 AND reserved <= stock)
    );
    CREATE INDEX product_variants_product ON product_variants (product_id);

    -- Amounts in the smallest unit of the currency. user_id is null for a guest.
    CREATE TABLE orders (
      id uuid,
      user_id uuid,
      status text NOT NULL,
      currency text NOT NULL,
      total_minor integer NOT NULL,
      refunded_minor integer NOT NULL DEFAULT 0,
      dispute text,
      stripe_session_id text,
      payment_intent text,
      email text,
      shipping jsonb,
      expires_at timestamptz NOT NULL,
      created_at timestamptz NOT NULL,
      paid_at timestamptz,
      CONSTRAINT orders_pkey PRIMARY KEY (id),
      CONSTRAINT orders_user_fkey FOREIGN KEY (user_id) REFERENCES users (id),
      CONSTRAINT orders_session_key UNIQUE (stripe_session_id),
      CONSTRAINT orders_payment_intent_key UNIQUE (payment_intent),
      CONSTRAINT orders_status_known CHECK (status IN ('pending', 'processing', 'failed', 'expired', 'paid')),
      CONSTRAINT orders_dispute_known CHECK (dispute IN ('open', 'lost', 'won')),
      CONSTRAINT orders_amounts CHECK (total_minor > 0 AND refunded_minor >= 0 AND refunded_minor <= total_minor)
    );
    CREATE INDEX orders_user ON orders (user_id, created_at);

    -- Names and prices as they were when the order was placed.
    CREATE TABLE order_items (
      order_id uuid,
      variant_id uuid,
      sku text NOT NULL,
      name text NOT NULL,
      unit_price_minor integer NOT NULL,
      quantity integer NOT NULL,
      CONSTRAINT order_items_pkey PRIMARY KEY (order_id, variant_id),
      CONSTRAINT order_items_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
      CONSTRAINT order_items_variant_fkey FOREIGN KEY (variant_id) REFERENCES product_variants (id),
      CONSTRAINT order_items_quantity_positive CHECK (quantity > 0)
    );
    CREATE INDEX order_items_variant ON order_items (variant_id);

    -- What is known of a payment, whether its order is known to be paid yet or not. Its row is the lock of the payment.
    CREATE TABLE order_payments (
      payment_intent text,
      charge_refunded_minor integer NOT NULL DEFAULT 0,
      charge_refunded_at timestamptz,
      CONSTRAINT order_payments_pkey PRIMARY KEY (payment_intent)
    );

    -- request_id: asked for by us; refund_id: known to the provider. A refund of ours has both in the end.
    CREATE TABLE order_refunds (
      id bigint GENERATED ALWAYS AS IDENTITY,
      payment_intent text NOT NULL,
      request_id uuid,
      refund_id text,
      amount_minor integer NOT NULL,
      status text NOT NULL,
      reason text,
      created_at timestamptz NOT NULL,
      CONSTRAINT order_refunds_pkey PRIMARY KEY (id),
      CONSTRAINT order_refunds_payment_fkey FOREIGN KEY (payment_intent) REFERENCES order_payments (payment_intent),
      CONSTRAINT order_refunds_request_key UNIQUE (request_id),
      CONSTRAINT order_refunds_refund_key UNIQUE (refund_id),
      CONSTRAINT order_refunds_named CHECK (request_id IS NOT NULL OR refund_id IS NOT NULL),
      CONSTRAINT order_refunds_status_known CHECK (status IN ('requested', 'pending', 'succeeded', 'failed')),
      CONSTRAINT order_refunds_amount_positive CHECK (amount_minor > 0)
    );
    CREATE INDEX order_refunds_payment ON order_refunds (payment_intent);

    CREATE TABLE order_disputes (
      dispute_id text,
      payment_intent text NOT NULL,
      status text NOT NULL,
      CONSTRAINT order_disputes_pkey PRIMARY KEY (dispute_id),
      CONSTRAINT order_disputes_payment_fkey FOREIGN KEY (payment_intent) REFERENCES order_payments (payment_intent),
      CONSTRAINT order_disputes_status_known CHECK (status IN ('open', 'lost', 'won'))
    );
    CREATE INDEX order_disputes_payment ON order_disputes (payment_intent);
  `);
}
