-- Made by `npm run check:generated -- --write` from the migrations; do not edit.

CREATE TABLE account_consents (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    given boolean NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT account_consents_declaration_stays CHECK ((given OR (kind <> 'adult_declared'::text))),
    CONSTRAINT account_consents_kind_known CHECK ((kind = ANY (ARRAY['adult_declared'::text, 'ai_features'::text, 'marketing'::text]))),
    CONSTRAINT account_consents_user_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
    CONSTRAINT account_consents_pkey PRIMARY KEY (id)
);

CREATE INDEX account_consents_newest ON account_consents USING btree (user_id, kind, id DESC);

CREATE TABLE activation_attempts (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    device_id text NOT NULL,
    user_id uuid,
    ip text NOT NULL,
    outcome text NOT NULL,
    at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT activation_attempts_pkey PRIMARY KEY (id)
);

CREATE INDEX activation_attempts_device ON activation_attempts USING btree (device_id, at);

CREATE INDEX activation_attempts_ip ON activation_attempts USING btree (ip, at);

CREATE INDEX activation_attempts_user ON activation_attempts USING btree (user_id, at);

CREATE TABLE audit_head (
    id boolean NOT NULL DEFAULT true,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_head_one_row CHECK (id),
    CONSTRAINT audit_head_pkey PRIMARY KEY (id)
);

CREATE TABLE audit_log (
    seq bigint NOT NULL,
    at timestamp with time zone NOT NULL,
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
    CONSTRAINT audit_log_outcome_known CHECK ((outcome = ANY (ARRAY['ok'::text, 'refused'::text, 'failed'::text]))),
    CONSTRAINT audit_log_pkey PRIMARY KEY (seq)
);

CREATE INDEX audit_log_actor ON audit_log USING btree (actor_kind, actor_id, seq);

CREATE INDEX audit_log_request ON audit_log USING btree (request_id);

CREATE INDEX audit_log_subject ON audit_log USING btree (subject_kind, subject_id, seq);

CREATE UNLOGGED TABLE call_slots (
    name text NOT NULL,
    taken_until timestamp with time zone NOT NULL,
    CONSTRAINT call_slots_pkey PRIMARY KEY (name)
);

CREATE TABLE data_plan_disputes (
    dispute_id text NOT NULL,
    payment_intent text NOT NULL,
    outcome text NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT data_plan_disputes_outcome_known CHECK ((outcome = ANY (ARRAY['open'::text, 'won'::text, 'lost'::text]))),
    CONSTRAINT data_plan_disputes_pkey PRIMARY KEY (dispute_id)
);

CREATE INDEX data_plan_disputes_payment ON data_plan_disputes USING btree (payment_intent);

CREATE TABLE data_plan_purchases (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    device_id text NOT NULL,
    plan_id text NOT NULL,
    package_code text NOT NULL,
    price_minor integer NOT NULL,
    currency text NOT NULL,
    duration_days integer NOT NULL,
    capabilities text[] NOT NULL,
    iccid text,
    status text NOT NULL DEFAULT 'pending'::text,
    resume_status text,
    stripe_session_id text,
    payment_intent text,
    refunded_minor integer NOT NULL DEFAULT 0,
    carrier_order_id text,
    order_tried_at timestamp with time zone,
    checked_at timestamp with time zone,
    paid_at timestamp with time zone,
    activated_at timestamp with time zone,
    ends_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT data_plan_purchases_active_window CHECK ((((activated_at IS NULL) = (ends_at IS NULL)) AND (ends_at > activated_at))),
    CONSTRAINT data_plan_purchases_disputed_resumes CHECK (((status = 'disputed'::text) = (resume_status IS NOT NULL))),
    CONSTRAINT data_plan_purchases_refund_counts CHECK ((refunded_minor >= 0)),
    CONSTRAINT data_plan_purchases_status_known CHECK ((status = ANY (ARRAY['pending'::text, 'pending_assignment'::text, 'paid'::text, 'ordering'::text, 'active'::text, 'expired'::text, 'failed'::text, 'refunded'::text, 'disputed'::text]))),
    CONSTRAINT data_plan_purchases_device_fkey FOREIGN KEY (device_id) REFERENCES devices(device_id),
    CONSTRAINT data_plan_purchases_plan_fkey FOREIGN KEY (plan_id) REFERENCES data_plans(plan_id),
    CONSTRAINT data_plan_purchases_sim_fkey FOREIGN KEY (iccid) REFERENCES sims(iccid),
    CONSTRAINT data_plan_purchases_user_fkey FOREIGN KEY (user_id) REFERENCES users(id),
    CONSTRAINT data_plan_purchases_pkey PRIMARY KEY (id),
    CONSTRAINT data_plan_purchases_payment_unique UNIQUE (payment_intent),
    CONSTRAINT data_plan_purchases_session_unique UNIQUE (stripe_session_id)
);

CREATE INDEX data_plan_purchases_device ON data_plan_purchases USING btree (device_id);

CREATE INDEX data_plan_purchases_open ON data_plan_purchases USING btree (status, updated_at) WHERE (status <> ALL (ARRAY['pending'::text, 'expired'::text, 'failed'::text, 'refunded'::text]));

CREATE INDEX data_plan_purchases_order ON data_plan_purchases USING btree (carrier_order_id);

CREATE INDEX data_plan_purchases_plan ON data_plan_purchases USING btree (plan_id);

CREATE INDEX data_plan_purchases_sim ON data_plan_purchases USING btree (iccid);

CREATE INDEX data_plan_purchases_user ON data_plan_purchases USING btree (user_id, created_at DESC, id DESC);

CREATE TABLE data_plan_refunds (
    refund_id text NOT NULL,
    payment_intent text NOT NULL,
    kind text NOT NULL,
    amount_minor integer NOT NULL,
    failed boolean NOT NULL DEFAULT false,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT data_plan_refunds_amount_counts CHECK ((amount_minor >= 0)),
    CONSTRAINT data_plan_refunds_kind_known CHECK ((kind = ANY (ARRAY['refund'::text, 'total'::text]))),
    CONSTRAINT data_plan_refunds_pkey PRIMARY KEY (refund_id)
);

CREATE INDEX data_plan_refunds_payment ON data_plan_refunds USING btree (payment_intent);

CREATE TABLE data_plans (
    plan_id text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    package_code text NOT NULL,
    price_minor integer NOT NULL,
    currency text NOT NULL,
    data_mb integer,
    duration_days integer NOT NULL,
    capabilities text[] NOT NULL,
    active boolean NOT NULL DEFAULT true,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT data_plans_currency_shape CHECK ((currency ~ '^[a-z]{3}$'::text)),
    CONSTRAINT data_plans_figures_count CHECK (((price_minor > 0) AND (duration_days > 0) AND (data_mb > 0))),
    CONSTRAINT data_plans_id_shape CHECK ((plan_id ~ '^[a-z0-9][a-z0-9-]{1,62}$'::text)),
    CONSTRAINT data_plans_pkey PRIMARY KEY (plan_id)
);

CREATE TABLE device_claims (
    id text NOT NULL,
    device_id text NOT NULL,
    user_id uuid NOT NULL,
    epoch integer NOT NULL,
    nonce text NOT NULL,
    status text NOT NULL DEFAULT 'pending'::text,
    failure text,
    request_id text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    published_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT device_claims_end_complete CHECK (((status = 'pending'::text) = (ended_at IS NULL))),
    CONSTRAINT device_claims_expire_soon CHECK (((expires_at > created_at) AND (expires_at <= (created_at + '00:05:00'::interval)))),
    CONSTRAINT device_claims_failure_complete CHECK (((status = ANY (ARRAY['refused'::text, 'expired'::text])) = (failure IS NOT NULL))),
    CONSTRAINT device_claims_id_shape CHECK ((id ~ '^[0-7][0-9A-HJKMNP-TV-Z]{25}$'::text)),
    CONSTRAINT device_claims_nonce_shape CHECK ((nonce ~ '^[A-Za-z0-9_-]{43}$'::text)),
    CONSTRAINT device_claims_status_known CHECK ((status = ANY (ARRAY['pending'::text, 'activated'::text, 'refused'::text, 'expired'::text]))),
    CONSTRAINT device_claims_device_fkey FOREIGN KEY (device_id) REFERENCES devices(device_id),
    CONSTRAINT device_claims_user_fkey FOREIGN KEY (user_id) REFERENCES users(id),
    CONSTRAINT device_claims_pkey PRIMARY KEY (id)
);

CREATE INDEX device_claims_due ON device_claims USING btree (expires_at) WHERE (status = 'pending'::text);

CREATE INDEX device_claims_ended ON device_claims USING btree (ended_at) WHERE (status <> 'pending'::text);

CREATE UNIQUE INDEX device_claims_one_pending ON device_claims USING btree (device_id) WHERE (status = 'pending'::text);

CREATE INDEX device_claims_user ON device_claims USING btree (user_id);

CREATE TABLE device_commands (
    id text NOT NULL,
    device_id text NOT NULL,
    epoch integer NOT NULL,
    type text NOT NULL,
    params jsonb NOT NULL,
    status text NOT NULL DEFAULT 'pending'::text,
    result jsonb,
    error jsonb,
    request_id text NOT NULL,
    idempotency_key text,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    published_at timestamp with time zone,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT device_commands_expire_after_creation CHECK ((expires_at > created_at)),
    CONSTRAINT device_commands_id_shape CHECK ((id ~ '^[0-7][0-9A-HJKMNP-TV-Z]{25}$'::text)),
    CONSTRAINT device_commands_status_known CHECK ((status = ANY (ARRAY['pending'::text, 'accepted'::text, 'running'::text, 'succeeded'::text, 'failed'::text, 'rejected'::text, 'expired'::text]))),
    CONSTRAINT device_commands_ownership_fkey FOREIGN KEY (device_id, epoch) REFERENCES device_ownerships(device_id, epoch),
    CONSTRAINT device_commands_pkey PRIMARY KEY (id)
);

CREATE INDEX device_commands_by_time ON device_commands USING btree (device_id, epoch, created_at DESC, id DESC);

CREATE UNIQUE INDEX device_commands_one_per_key ON device_commands USING btree (device_id, epoch, idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX device_commands_open ON device_commands USING btree (expires_at) WHERE (status = ANY (ARRAY['pending'::text, 'accepted'::text, 'running'::text]));

CREATE TABLE device_events (
    device_id text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    seq bigint NOT NULL,
    data jsonb NOT NULL,
    received_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT device_events_device_fkey FOREIGN KEY (device_id) REFERENCES devices(device_id),
    CONSTRAINT device_events_pkey PRIMARY KEY (device_id, event_id)
);

CREATE INDEX device_events_by_time ON device_events USING btree (device_id, occurred_at DESC, event_id DESC);

CREATE INDEX device_events_received ON device_events USING brin (received_at) WITH (autosummarize='on');

CREATE TABLE device_ownerships (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    device_id text NOT NULL,
    user_id uuid NOT NULL,
    epoch integer NOT NULL,
    name text,
    started_at timestamp with time zone NOT NULL DEFAULT now(),
    ended_at timestamp with time zone,
    end_reason text,
    CONSTRAINT device_ownerships_ended_with_reason CHECK (((ended_at IS NULL) = (end_reason IS NULL))),
    CONSTRAINT device_ownerships_device_fkey FOREIGN KEY (device_id) REFERENCES devices(device_id),
    CONSTRAINT device_ownerships_user_fkey FOREIGN KEY (user_id) REFERENCES users(id),
    CONSTRAINT device_ownerships_pkey PRIMARY KEY (id),
    CONSTRAINT device_ownerships_one_per_epoch UNIQUE (device_id, epoch)
);

CREATE INDEX device_ownerships_ended ON device_ownerships USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE UNIQUE INDEX device_ownerships_one_active ON device_ownerships USING btree (device_id) WHERE (ended_at IS NULL);

CREATE INDEX device_ownerships_user ON device_ownerships USING btree (user_id);

CREATE TABLE device_presence (
    device_id text NOT NULL,
    online boolean NOT NULL,
    version bigint NOT NULL,
    session_id text,
    disconnect_reason text,
    changed_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT device_presence_device_fkey FOREIGN KEY (device_id) REFERENCES devices(device_id),
    CONSTRAINT device_presence_pkey PRIMARY KEY (device_id)
);

CREATE TABLE device_shares (
    id uuid NOT NULL,
    device_id text NOT NULL,
    epoch integer NOT NULL,
    slot smallint NOT NULL,
    invited_email text,
    token_hash bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    invitation_expires_at timestamp with time zone NOT NULL,
    viewer_id uuid,
    accepted_at timestamp with time zone,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    end_reason text,
    CONSTRAINT device_shares_accepted_by_viewer CHECK (((viewer_id IS NULL) = (accepted_at IS NULL))),
    CONSTRAINT device_shares_email_normalised CHECK ((invited_email = lower(btrim(invited_email)))),
    CONSTRAINT device_shares_end_known CHECK ((end_reason = ANY (ARRAY['expired'::text, 'replaced'::text, 'revoked'::text, 'left'::text, 'ownership_ended'::text]))),
    CONSTRAINT device_shares_ended_forgets_address CHECK (((ended_at IS NULL) OR (invited_email IS NULL))),
    CONSTRAINT device_shares_ended_with_reason CHECK (((ended_at IS NULL) = (end_reason IS NULL))),
    CONSTRAINT device_shares_ten_slots CHECK (((slot >= 1) AND (slot <= 10))),
    CONSTRAINT device_shares_windows CHECK (((invitation_expires_at > created_at) AND (expires_at >= invitation_expires_at))),
    CONSTRAINT device_shares_ownership_fkey FOREIGN KEY (device_id, epoch) REFERENCES device_ownerships(device_id, epoch),
    CONSTRAINT device_shares_viewer_fkey FOREIGN KEY (viewer_id) REFERENCES users(id),
    CONSTRAINT device_shares_pkey PRIMARY KEY (id),
    CONSTRAINT device_shares_token_unique UNIQUE (token_hash)
);

CREATE INDEX device_shares_lapse ON device_shares USING btree (expires_at) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX device_shares_one_invitation_per_address ON device_shares USING btree (device_id, invited_email) WHERE ((ended_at IS NULL) AND (accepted_at IS NULL));

CREATE UNIQUE INDEX device_shares_one_per_slot ON device_shares USING btree (device_id, slot) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX device_shares_one_per_viewer ON device_shares USING btree (device_id, viewer_id) WHERE (ended_at IS NULL);

CREATE INDEX device_shares_ownership ON device_shares USING btree (device_id, epoch);

CREATE INDEX device_shares_viewer ON device_shares USING btree (viewer_id);

CREATE TABLE device_telemetry (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    device_id text NOT NULL,
    event_id text NOT NULL,
    metric text NOT NULL,
    value double precision NOT NULL,
    unit text NOT NULL,
    at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT device_telemetry_device_fkey FOREIGN KEY (device_id) REFERENCES devices(device_id),
    CONSTRAINT device_telemetry_pkey PRIMARY KEY (id)
);

CREATE INDEX device_telemetry_by_metric ON device_telemetry USING btree (device_id, metric, at DESC);

CREATE INDEX device_telemetry_by_time ON device_telemetry USING btree (device_id, at DESC, id DESC);

CREATE INDEX device_telemetry_received ON device_telemetry USING brin (received_at) WITH (autosummarize='on');

CREATE TABLE device_transfers (
    id uuid NOT NULL,
    device_id text NOT NULL,
    epoch integer NOT NULL,
    recipient_email text,
    token_hash bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    to_user_id uuid,
    closed_at timestamp with time zone,
    close_reason text,
    CONSTRAINT device_transfers_accepted_by_recipient CHECK (((to_user_id IS NOT NULL) = (NOT (close_reason IS DISTINCT FROM 'accepted'::text)))),
    CONSTRAINT device_transfers_close_known CHECK ((close_reason = ANY (ARRAY['accepted'::text, 'cancelled'::text, 'expired'::text, 'ownership_ended'::text]))),
    CONSTRAINT device_transfers_closed_forgets_address CHECK (((closed_at IS NULL) = (recipient_email IS NOT NULL))),
    CONSTRAINT device_transfers_closed_with_reason CHECK (((closed_at IS NULL) = (close_reason IS NULL))),
    CONSTRAINT device_transfers_email_normalised CHECK ((recipient_email = lower(btrim(recipient_email)))),
    CONSTRAINT device_transfers_end_after_start CHECK ((expires_at > created_at)),
    CONSTRAINT device_transfers_ownership_fkey FOREIGN KEY (device_id, epoch) REFERENCES device_ownerships(device_id, epoch),
    CONSTRAINT device_transfers_recipient_fkey FOREIGN KEY (to_user_id) REFERENCES users(id),
    CONSTRAINT device_transfers_pkey PRIMARY KEY (id),
    CONSTRAINT device_transfers_token_unique UNIQUE (token_hash)
);

CREATE INDEX device_transfers_lapse ON device_transfers USING btree (expires_at) WHERE (closed_at IS NULL);

CREATE UNIQUE INDEX device_transfers_one_accepted ON device_transfers USING btree (device_id, epoch) WHERE (close_reason = 'accepted'::text);

CREATE UNIQUE INDEX device_transfers_one_open ON device_transfers USING btree (device_id) WHERE (closed_at IS NULL);

CREATE INDEX device_transfers_open_by_address ON device_transfers USING btree (recipient_email) WHERE (closed_at IS NULL);

CREATE INDEX device_transfers_ownership ON device_transfers USING btree (device_id, epoch);

CREATE INDEX device_transfers_recipient ON device_transfers USING btree (to_user_id);

CREATE TABLE devices (
    device_id text NOT NULL,
    serial text NOT NULL,
    model text NOT NULL,
    certificate_id text,
    activation_code_hash text,
    code_epoch integer NOT NULL DEFAULT 1,
    iccid text,
    activation_policy text NOT NULL DEFAULT 'label'::text,
    ownership_epoch integer NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'planned'::text,
    batch_id text,
    manifest_id text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    last_seen_at timestamp with time zone,
    shadows_wiped_epoch integer NOT NULL DEFAULT 0,
    handed_over_certificate_id text,
    CONSTRAINT devices_epochs_count CHECK (((code_epoch > 0) AND (ownership_epoch >= 0))),
    CONSTRAINT devices_handed_over_certificate_differs CHECK ((handed_over_certificate_id <> certificate_id)),
    CONSTRAINT devices_id_shape CHECK ((device_id ~ '^aovis-[a-z0-9]{2,8}-[0-9]{6}$'::text)),
    CONSTRAINT devices_policy_known CHECK ((activation_policy = ANY (ARRAY['label'::text, 'label+device'::text]))),
    CONSTRAINT devices_provisioned_complete CHECK (((status <> 'provisioned'::text) OR ((certificate_id IS NOT NULL) AND (activation_code_hash IS NOT NULL)))),
    CONSTRAINT devices_shadows_wiped_counts CHECK ((shadows_wiped_epoch >= 0)),
    CONSTRAINT devices_status_known CHECK ((status = ANY (ARRAY['planned'::text, 'provisioned'::text, 'revoked'::text, 'retired'::text]))),
    CONSTRAINT devices_iccid_fkey FOREIGN KEY (iccid) REFERENCES sims(iccid),
    CONSTRAINT devices_manifest_fkey FOREIGN KEY (manifest_id) REFERENCES factory_manifests(manifest_id),
    CONSTRAINT devices_pkey PRIMARY KEY (device_id),
    CONSTRAINT devices_certificate_unique UNIQUE (certificate_id),
    CONSTRAINT devices_iccid_unique UNIQUE (iccid),
    CONSTRAINT devices_serial_unique UNIQUE (serial)
);

CREATE INDEX devices_batch ON devices USING btree (batch_id);

CREATE INDEX devices_manifest ON devices USING btree (manifest_id);

CREATE TABLE entitlement_grants (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    entitlement_id uuid NOT NULL,
    change text NOT NULL,
    reason text NOT NULL,
    ends_at timestamp with time zone,
    at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT entitlement_grants_change_known CHECK ((change = ANY (ARRAY['granted'::text, 'extended'::text, 'suspended'::text, 'restored'::text, 'revoked'::text, 'expired'::text, 'transferred'::text]))),
    CONSTRAINT entitlement_grants_entitlement_fkey FOREIGN KEY (entitlement_id) REFERENCES entitlements(id),
    CONSTRAINT entitlement_grants_pkey PRIMARY KEY (id)
);

CREATE INDEX entitlement_grants_entitlement ON entitlement_grants USING btree (entitlement_id);

CREATE TABLE entitlements (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    device_id text NOT NULL,
    user_id uuid NOT NULL,
    capability text NOT NULL,
    source text NOT NULL,
    status text NOT NULL DEFAULT 'active'::text,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    purchase_id uuid,
    CONSTRAINT entitlements_end_after_start CHECK ((ends_at > starts_at)),
    CONSTRAINT entitlements_expired_has_end CHECK (((status <> 'expired'::text) OR (ends_at IS NOT NULL))),
    CONSTRAINT entitlements_purchase_named CHECK (((purchase_id IS NULL) OR (source = 'purchase'::text))),
    CONSTRAINT entitlements_source_known CHECK ((source = ANY (ARRAY['trial'::text, 'purchase'::text, 'grant'::text]))),
    CONSTRAINT entitlements_status_known CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text, 'revoked'::text, 'expired'::text]))),
    CONSTRAINT entitlements_device_fkey FOREIGN KEY (device_id) REFERENCES devices(device_id),
    CONSTRAINT entitlements_purchase_fkey FOREIGN KEY (purchase_id) REFERENCES data_plan_purchases(id),
    CONSTRAINT entitlements_user_fkey FOREIGN KEY (user_id) REFERENCES users(id),
    CONSTRAINT entitlements_pkey PRIMARY KEY (id)
);

CREATE INDEX entitlements_device_user ON entitlements USING btree (device_id, user_id, capability);

CREATE UNIQUE INDEX entitlements_one_per_purchase ON entitlements USING btree (purchase_id, capability);

CREATE UNIQUE INDEX entitlements_one_trial_per_device ON entitlements USING btree (device_id, capability) WHERE (source = 'trial'::text);

CREATE INDEX entitlements_running ON entitlements USING btree (ends_at) WHERE (status = 'active'::text);

CREATE INDEX entitlements_user ON entitlements USING btree (user_id);

CREATE TABLE factory_api_keys (
    key_id text NOT NULL,
    line_id text NOT NULL,
    secret_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    replaces text,
    CONSTRAINT factory_api_keys_hash_length CHECK ((octet_length(secret_hash) = 32)),
    CONSTRAINT factory_api_keys_id_shape CHECK ((key_id ~ '^[a-z0-9]{16}$'::text)),
    CONSTRAINT factory_api_keys_line_shape CHECK ((line_id ~ '^[a-z0-9][a-z0-9-]{1,62}$'::text)),
    CONSTRAINT factory_api_keys_scopes_known CHECK (((cardinality(scopes) > 0) AND (scopes <@ ARRAY['provision'::text, 'claim'::text, 'credentials'::text, 'register'::text, 'rotate'::text]))),
    CONSTRAINT factory_api_keys_replaces_fkey FOREIGN KEY (replaces) REFERENCES factory_api_keys(key_id),
    CONSTRAINT factory_api_keys_pkey PRIMARY KEY (key_id)
);

CREATE INDEX factory_api_keys_line ON factory_api_keys USING btree (line_id);

CREATE UNIQUE INDEX factory_api_keys_one_successor ON factory_api_keys USING btree (replaces);

CREATE TABLE factory_batch_leases (
    batch_id text NOT NULL,
    list_sha256 bytea NOT NULL,
    station_id text NOT NULL,
    acquired_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT factory_batch_leases_digest_length CHECK ((octet_length(list_sha256) = 32)),
    CONSTRAINT factory_batch_leases_expire_soon CHECK (((expires_at > acquired_at) AND (expires_at <= (acquired_at + '1 day'::interval)))),
    CONSTRAINT factory_batch_leases_station_fkey FOREIGN KEY (station_id) REFERENCES factory_stations(station_id),
    CONSTRAINT factory_batch_leases_pkey PRIMARY KEY (batch_id, list_sha256)
);

CREATE INDEX factory_batch_leases_station ON factory_batch_leases USING btree (station_id);

CREATE TABLE factory_manifests (
    manifest_id text NOT NULL,
    station_id text NOT NULL,
    batch_id text NOT NULL,
    payload_digest bytea NOT NULL,
    device_count integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL DEFAULT now(),
    result jsonb NOT NULL,
    CONSTRAINT factory_manifests_station_fkey FOREIGN KEY (station_id) REFERENCES factory_stations(station_id),
    CONSTRAINT factory_manifests_pkey PRIMARY KEY (manifest_id)
);

CREATE INDEX factory_manifests_batch ON factory_manifests USING btree (batch_id);

CREATE INDEX factory_manifests_station ON factory_manifests USING btree (station_id);

CREATE TABLE factory_stations (
    station_id text NOT NULL,
    public_key_pem text NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    revoked_at timestamp with time zone,
    CONSTRAINT factory_stations_id_shape CHECK ((station_id ~ '^[a-z0-9][a-z0-9-]{1,62}$'::text)),
    CONSTRAINT factory_stations_pkey PRIMARY KEY (station_id)
);

CREATE TABLE idempotency_keys (
    scope text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer,
    body jsonb,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (scope, key)
);

CREATE INDEX idempotency_keys_expiry ON idempotency_keys USING btree (expires_at);

CREATE TABLE identities (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    provider text NOT NULL,
    subject text NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    last_used_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT identities_provider_known CHECK ((provider = ANY (ARRAY['google'::text, 'apple'::text, 'email'::text]))),
    CONSTRAINT identities_user_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
    CONSTRAINT identities_pkey PRIMARY KEY (id),
    CONSTRAINT identities_one_per_subject UNIQUE (provider, subject)
);

CREATE INDEX identities_user ON identities USING btree (user_id);

CREATE TABLE ingested_messages (
    device_id text NOT NULL,
    event_id text NOT NULL,
    kind text NOT NULL,
    received_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT ingested_messages_device_fkey FOREIGN KEY (device_id) REFERENCES devices(device_id),
    CONSTRAINT ingested_messages_pkey PRIMARY KEY (device_id, event_id)
);

CREATE INDEX ingested_messages_received ON ingested_messages USING brin (received_at) WITH (autosummarize='on');

CREATE TABLE line_boards (
    device_id text NOT NULL,
    line_id text NOT NULL,
    model text NOT NULL,
    batch_id text NOT NULL,
    hardware_id text,
    claimed_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT line_boards_claim_complete CHECK (((hardware_id IS NULL) = (claimed_at IS NULL))),
    CONSTRAINT line_boards_device_fkey FOREIGN KEY (device_id) REFERENCES devices(device_id),
    CONSTRAINT line_boards_pkey PRIMARY KEY (device_id)
);

CREATE UNIQUE INDEX line_boards_hardware ON line_boards USING btree (hardware_id);

CREATE TABLE line_credentials (
    device_id text NOT NULL,
    version integer NOT NULL,
    state text NOT NULL DEFAULT 'preparing'::text,
    csr text,
    activation_code_hash text,
    certificate_id text,
    sealed text,
    created_at timestamp with time zone NOT NULL,
    shown_at timestamp with time zone,
    registered_at timestamp with time zone,
    CONSTRAINT line_credentials_certificate_shape CHECK ((certificate_id ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT line_credentials_made CHECK (((state = ANY (ARRAY['preparing'::text, 'refused'::text, 'replaced'::text])) OR ((certificate_id IS NOT NULL) AND (activation_code_hash IS NOT NULL)))),
    CONSTRAINT line_credentials_sealed_while_ready CHECK (((state = 'ready'::text) = (sealed IS NOT NULL))),
    CONSTRAINT line_credentials_state_known CHECK ((state = ANY (ARRAY['preparing'::text, 'refused'::text, 'ready'::text, 'shown'::text, 'registered'::text, 'replaced'::text]))),
    CONSTRAINT line_credentials_version_counts CHECK ((version > 0)),
    CONSTRAINT line_credentials_board_fkey FOREIGN KEY (device_id) REFERENCES line_boards(device_id),
    CONSTRAINT line_credentials_pkey PRIMARY KEY (device_id, version)
);

CREATE UNIQUE INDEX line_credentials_certificate ON line_credentials USING btree (certificate_id);

CREATE TABLE magic_links (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    email text NOT NULL,
    token_hash bytea NOT NULL,
    requester_hash bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    voided_at timestamp with time zone,
    CONSTRAINT magic_links_pkey PRIMARY KEY (id),
    CONSTRAINT magic_links_token_unique UNIQUE (token_hash)
);

CREATE INDEX magic_links_open_by_email ON magic_links USING btree (email) WHERE ((used_at IS NULL) AND (voided_at IS NULL));

CREATE TABLE order_disputes (
    dispute_id text NOT NULL,
    payment_intent text NOT NULL,
    status text NOT NULL,
    CONSTRAINT order_disputes_status_known CHECK ((status = ANY (ARRAY['open'::text, 'lost'::text, 'won'::text]))),
    CONSTRAINT order_disputes_payment_fkey FOREIGN KEY (payment_intent) REFERENCES order_payments(payment_intent),
    CONSTRAINT order_disputes_pkey PRIMARY KEY (dispute_id)
);

CREATE INDEX order_disputes_payment ON order_disputes USING btree (payment_intent);

CREATE TABLE order_items (
    order_id uuid NOT NULL,
    variant_id uuid NOT NULL,
    sku text NOT NULL,
    name text NOT NULL,
    unit_price_minor integer NOT NULL,
    quantity integer NOT NULL,
    CONSTRAINT order_items_quantity_positive CHECK ((quantity > 0)),
    CONSTRAINT order_items_order_fkey FOREIGN KEY (order_id) REFERENCES orders(id),
    CONSTRAINT order_items_variant_fkey FOREIGN KEY (variant_id) REFERENCES product_variants(id),
    CONSTRAINT order_items_pkey PRIMARY KEY (order_id, variant_id)
);

CREATE INDEX order_items_variant ON order_items USING btree (variant_id);

CREATE TABLE order_payments (
    payment_intent text NOT NULL,
    charge_refunded_minor integer NOT NULL DEFAULT 0,
    charge_refunded_at timestamp with time zone,
    CONSTRAINT order_payments_pkey PRIMARY KEY (payment_intent)
);

CREATE TABLE order_refunds (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    payment_intent text NOT NULL,
    request_id uuid,
    refund_id text,
    amount_minor integer NOT NULL,
    status text NOT NULL,
    reason text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT order_refunds_amount_positive CHECK ((amount_minor > 0)),
    CONSTRAINT order_refunds_named CHECK (((request_id IS NOT NULL) OR (refund_id IS NOT NULL))),
    CONSTRAINT order_refunds_status_known CHECK ((status = ANY (ARRAY['requested'::text, 'pending'::text, 'succeeded'::text, 'failed'::text]))),
    CONSTRAINT order_refunds_payment_fkey FOREIGN KEY (payment_intent) REFERENCES order_payments(payment_intent),
    CONSTRAINT order_refunds_pkey PRIMARY KEY (id),
    CONSTRAINT order_refunds_refund_key UNIQUE (refund_id),
    CONSTRAINT order_refunds_request_key UNIQUE (request_id)
);

CREATE INDEX order_refunds_payment ON order_refunds USING btree (payment_intent);

CREATE TABLE orders (
    id uuid NOT NULL,
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
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    paid_at timestamp with time zone,
    CONSTRAINT orders_amounts CHECK (((total_minor > 0) AND (refunded_minor >= 0) AND (refunded_minor <= total_minor))),
    CONSTRAINT orders_dispute_known CHECK ((dispute = ANY (ARRAY['open'::text, 'lost'::text, 'won'::text]))),
    CONSTRAINT orders_status_known CHECK ((status = ANY (ARRAY['pending'::text, 'processing'::text, 'failed'::text, 'expired'::text, 'paid'::text]))),
    CONSTRAINT orders_user_fkey FOREIGN KEY (user_id) REFERENCES users(id),
    CONSTRAINT orders_pkey PRIMARY KEY (id),
    CONSTRAINT orders_payment_intent_key UNIQUE (payment_intent),
    CONSTRAINT orders_session_key UNIQUE (stripe_session_id)
);

CREATE INDEX orders_email ON orders USING btree (lower(email));

CREATE INDEX orders_newest ON orders USING btree (created_at DESC, id DESC);

CREATE INDEX orders_user ON orders USING btree (user_id, created_at);

CREATE INDEX orders_with_person ON orders USING btree (created_at) WHERE ((email IS NOT NULL) OR (shipping IS NOT NULL));

CREATE TABLE outbox (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    topic text NOT NULL,
    key text NOT NULL,
    payload jsonb NOT NULL,
    request_id text,
    attempts integer NOT NULL DEFAULT 0,
    available_at timestamp with time zone NOT NULL DEFAULT now(),
    lease_id uuid,
    leased_until timestamp with time zone,
    last_error text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    dead_at timestamp with time zone,
    CONSTRAINT outbox_lease_whole CHECK (((lease_id IS NULL) = (leased_until IS NULL))),
    CONSTRAINT outbox_pkey PRIMARY KEY (id)
);

CREATE INDEX outbox_dead ON outbox USING btree (id) WHERE (dead_at IS NOT NULL);

CREATE INDEX outbox_due ON outbox USING btree (available_at, id) WHERE (dead_at IS NULL);

CREATE INDEX outbox_in_key_order ON outbox USING btree (key, id) WHERE (dead_at IS NULL);

CREATE TABLE product_variants (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    product_id uuid NOT NULL,
    sku text NOT NULL,
    name text NOT NULL,
    price_minor integer NOT NULL,
    currency text NOT NULL,
    stock integer NOT NULL,
    reserved integer NOT NULL DEFAULT 0,
    active boolean NOT NULL,
    position integer NOT NULL,
    CONSTRAINT product_variants_currency_form CHECK ((currency ~ '^[a-z]{3}$'::text)),
    CONSTRAINT product_variants_price_positive CHECK ((price_minor > 0)),
    CONSTRAINT product_variants_stock_covers CHECK (((reserved >= 0) AND (reserved <= stock))),
    CONSTRAINT product_variants_product_fkey FOREIGN KEY (product_id) REFERENCES products(id),
    CONSTRAINT product_variants_pkey PRIMARY KEY (id),
    CONSTRAINT product_variants_sku_key UNIQUE (sku)
);

CREATE INDEX product_variants_product ON product_variants USING btree (product_id);

CREATE TABLE products (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    slug text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    active boolean NOT NULL,
    position integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT products_pkey PRIMARY KEY (id),
    CONSTRAINT products_slug_key UNIQUE (slug)
);

CREATE UNLOGGED TABLE rate_limits (
    key text NOT NULL,
    hits integer NOT NULL,
    resets_at timestamp with time zone NOT NULL,
    CONSTRAINT rate_limits_pkey PRIMARY KEY (key)
);

CREATE INDEX rate_limits_resets ON rate_limits USING btree (resets_at);

CREATE TABLE refresh_tokens (
    token_hash bytea NOT NULL,
    session_id uuid NOT NULL,
    generation integer NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    rotated_at timestamp with time zone,
    CONSTRAINT refresh_tokens_session_fkey FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE,
    CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash),
    CONSTRAINT refresh_tokens_one_per_generation UNIQUE (session_id, generation)
);

CREATE INDEX refresh_tokens_issued ON refresh_tokens USING brin (issued_at) WITH (autosummarize='on');

CREATE UNIQUE INDEX refresh_tokens_one_current ON refresh_tokens USING btree (session_id) WHERE (rotated_at IS NULL);

CREATE TABLE scheduled_jobs (
    name text NOT NULL,
    next_run_at timestamp with time zone NOT NULL DEFAULT now(),
    lease_id uuid,
    leased_until timestamp with time zone,
    failures integer NOT NULL DEFAULT 0,
    last_started_at timestamp with time zone,
    last_finished_at timestamp with time zone,
    last_result jsonb,
    last_error text,
    CONSTRAINT scheduled_jobs_failures_count CHECK ((failures >= 0)),
    CONSTRAINT scheduled_jobs_lease_whole CHECK (((lease_id IS NULL) = (leased_until IS NULL))),
    CONSTRAINT scheduled_jobs_pkey PRIMARY KEY (name)
);

CREATE TABLE schema_migrations (
    name text NOT NULL,
    applied_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT schema_migrations_pkey PRIMARY KEY (name)
);

CREATE TABLE sessions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    method text NOT NULL,
    user_agent text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    last_used_at timestamp with time zone NOT NULL DEFAULT now(),
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    revoked_reason text,
    web_token_hash bytea,
    CONSTRAINT sessions_revoked_with_reason CHECK (((revoked_at IS NULL) = (revoked_reason IS NULL))),
    CONSTRAINT sessions_user_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
    CONSTRAINT sessions_pkey PRIMARY KEY (id)
);

CREATE INDEX sessions_user ON sessions USING btree (user_id);

CREATE UNIQUE INDEX sessions_web_token ON sessions USING btree (web_token_hash) WHERE (web_token_hash IS NOT NULL);

CREATE TABLE sims (
    iccid text NOT NULL,
    eid text,
    imsi text,
    status text NOT NULL DEFAULT 'provisioned'::text,
    device_id text,
    linked_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    synced_at timestamp with time zone,
    usage_alert text,
    usage_alert_at timestamp with time zone,
    CONSTRAINT sims_iccid_shape CHECK ((iccid ~ '^[0-9]{18,20}$'::text)),
    CONSTRAINT sims_linked_since CHECK (((device_id IS NULL) = (linked_at IS NULL))),
    CONSTRAINT sims_status_known CHECK ((status = ANY (ARRAY['provisioned'::text, 'active'::text, 'suspended'::text, 'stopped'::text]))),
    CONSTRAINT sims_usage_alert_dated CHECK (((usage_alert IS NULL) = (usage_alert_at IS NULL))),
    CONSTRAINT sims_usage_alert_known CHECK ((usage_alert = ANY (ARRAY['below_100_mb'::text, 'below_10_percent'::text, 'below_7_days'::text]))),
    CONSTRAINT sims_device_fkey FOREIGN KEY (device_id) REFERENCES devices(device_id),
    CONSTRAINT sims_pkey PRIMARY KEY (iccid)
);

CREATE UNIQUE INDEX sims_eid ON sims USING btree (eid);

CREATE UNIQUE INDEX sims_imsi ON sims USING btree (imsi);

CREATE UNIQUE INDEX sims_one_per_device ON sims USING btree (device_id) WHERE (device_id IS NOT NULL);

CREATE TABLE staff_invitations (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    token_hash bytea NOT NULL,
    role text NOT NULL,
    email text,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    redeemed_at timestamp with time zone,
    redeemed_by uuid,
    additional boolean NOT NULL DEFAULT true,
    CONSTRAINT staff_invitations_email_normalised CHECK ((email = lower(btrim(email)))),
    CONSTRAINT staff_invitations_redeemed_by_somebody CHECK (((redeemed_at IS NULL) = (redeemed_by IS NULL))),
    CONSTRAINT staff_invitations_role_known CHECK ((role = ANY (ARRAY['support'::text, 'admin'::text]))),
    CONSTRAINT staff_invitations_redeemer_fkey FOREIGN KEY (redeemed_by) REFERENCES users(id),
    CONSTRAINT staff_invitations_pkey PRIMARY KEY (id),
    CONSTRAINT staff_invitations_token_unique UNIQUE (token_hash)
);

CREATE UNIQUE INDEX staff_invitations_one_first ON staff_invitations USING btree ((true)) WHERE ((NOT additional) AND (redeemed_at IS NULL));

CREATE INDEX staff_invitations_redeemer ON staff_invitations USING btree (redeemed_by);

CREATE TABLE users (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    email text,
    email_verified_at timestamp with time zone,
    display_name text,
    role text NOT NULL DEFAULT 'user'::text,
    status text NOT NULL DEFAULT 'active'::text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    deleted_at timestamp with time zone,
    CONSTRAINT users_deleted_is_nobody CHECK ((((status = 'deleted'::text) = (deleted_at IS NOT NULL)) AND ((status <> 'deleted'::text) OR ((email IS NULL) AND (display_name IS NULL) AND (role = 'user'::text))))),
    CONSTRAINT users_email_normalised CHECK ((email = lower(btrim(email)))),
    CONSTRAINT users_role_known CHECK ((role = ANY (ARRAY['user'::text, 'support'::text, 'admin'::text]))),
    CONSTRAINT users_status_known CHECK ((status = ANY (ARRAY['active'::text, 'disabled'::text, 'deleted'::text]))),
    CONSTRAINT users_verified_has_email CHECK (((email_verified_at IS NULL) OR (email IS NOT NULL))),
    CONSTRAINT users_pkey PRIMARY KEY (id)
);

CREATE INDEX users_email ON users USING btree (email text_pattern_ops);

CREATE INDEX users_newest ON users USING btree (created_at DESC, id DESC);

CREATE UNIQUE INDEX users_one_per_verified_email ON users USING btree (email) WHERE (email_verified_at IS NOT NULL);

CREATE INDEX users_staff ON users USING btree (role) WHERE (role <> 'user'::text);

CREATE TABLE webhook_events (
    provider text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    received_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT webhook_events_pkey PRIMARY KEY (provider, event_id)
);

CREATE INDEX webhook_events_received ON webhook_events USING brin (received_at) WITH (autosummarize='on');

CREATE OR REPLACE FUNCTION public.announce_command()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
    BEGIN
      PERFORM pg_notify('device_commands', NEW.id);
      RETURN NULL;
    END $function$;

CREATE OR REPLACE FUNCTION public.announce_outbox()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
    BEGIN
      PERFORM pg_notify('outbox', '');
      RETURN NULL;
    END $function$;

CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
    BEGIN
      RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END $function$;

CREATE OR REPLACE FUNCTION public.refuse_closed_account()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
    DECLARE
      standing text;
    BEGIN
      SELECT status INTO standing FROM users WHERE id = NEW.user_id FOR KEY SHARE;
      IF standing = 'deleted' THEN
        RAISE EXCEPTION 'the account % is closed', NEW.user_id USING ERRCODE = 'serialization_failure';
      END IF;
      RETURN NEW;
    END $function$;

CREATE OR REPLACE FUNCTION public.refuse_command_step_back()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
    DECLARE
      steps constant text[] := ARRAY['pending', 'accepted', 'running'];
    BEGIN
      IF coalesce(array_position(steps, NEW.status), 4) <= coalesce(array_position(steps, OLD.status), 4) THEN
        RAISE EXCEPTION 'command % does not go from % to %', OLD.id, OLD.status, NEW.status
          USING ERRCODE = 'check_violation', CONSTRAINT = 'device_commands_forward';
      END IF;
      RETURN NEW;
    END $function$;

CREATE OR REPLACE FUNCTION public.refuse_end_with_guests()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
    BEGIN
      IF EXISTS (SELECT FROM device_shares
          WHERE device_id = NEW.device_id AND epoch = NEW.epoch AND ended_at IS NULL)
        OR EXISTS (SELECT FROM device_transfers
          WHERE device_id = NEW.device_id AND epoch = NEW.epoch AND closed_at IS NULL) THEN
        RAISE EXCEPTION 'shares and offers of % end before its ownership', NEW.device_id
          USING ERRCODE = 'check_violation', CONSTRAINT = 'device_ownerships_end_without_guests';
      END IF;
      RETURN NEW;
    END $function$;

CREATE OR REPLACE FUNCTION public.refuse_second_claim_end()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
    BEGIN
      IF OLD.status <> 'pending' THEN
        RAISE EXCEPTION 'claim % has ended as % and does not become %', OLD.id, OLD.status, NEW.status
          USING ERRCODE = 'check_violation', CONSTRAINT = 'device_claims_end_once';
      END IF;
      RETURN NEW;
    END $function$;

CREATE OR REPLACE FUNCTION public.require_present_ownership()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
    END $function$;

CREATE TRIGGER account_consents_open BEFORE INSERT ON account_consents FOR EACH ROW EXECUTE FUNCTION refuse_closed_account();

CREATE TRIGGER audit_log_append_only BEFORE DELETE OR UPDATE ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER device_claims_end_once BEFORE UPDATE OF status ON device_claims FOR EACH ROW EXECUTE FUNCTION refuse_second_claim_end();

CREATE TRIGGER device_commands_announced AFTER UPDATE OF status ON device_commands FOR EACH ROW EXECUTE FUNCTION announce_command();

CREATE TRIGGER device_commands_forward BEFORE UPDATE OF status ON device_commands FOR EACH ROW EXECUTE FUNCTION refuse_command_step_back();

CREATE TRIGGER device_ownerships_end_without_guests BEFORE UPDATE OF ended_at ON device_ownerships FOR EACH ROW WHEN (((old.ended_at IS NULL) AND (new.ended_at IS NOT NULL))) EXECUTE FUNCTION refuse_end_with_guests();

CREATE TRIGGER device_ownerships_open BEFORE INSERT ON device_ownerships FOR EACH ROW EXECUTE FUNCTION refuse_closed_account();

CREATE TRIGGER device_shares_of_present_ownership BEFORE INSERT OR UPDATE OF device_id, epoch, viewer_id ON device_shares FOR EACH ROW EXECUTE FUNCTION require_present_ownership();

CREATE TRIGGER device_transfers_of_present_ownership BEFORE INSERT OR UPDATE OF device_id, epoch ON device_transfers FOR EACH ROW EXECUTE FUNCTION require_present_ownership();

CREATE TRIGGER entitlement_grants_append_only BEFORE DELETE OR UPDATE ON entitlement_grants FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER identities_open BEFORE INSERT ON identities FOR EACH ROW EXECUTE FUNCTION refuse_closed_account();

CREATE TRIGGER outbox_announced AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION announce_outbox();

CREATE TRIGGER sessions_open BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION refuse_closed_account();
