/**
 * One list of the export. Its SQL gives up to `:limit` rows in the order of the text `cursor`, those after `:cursor`
 * (empty at first); the cursor itself is not exported. Columns are exported under their names; secrets are not selected.
 */
export interface ExportSection {
  name: string;
  /** Where it comes from. */
  tables: readonly string[];
  /**
   * `user`: the SQL is given `:userId`. `ownership`: it runs for each time that the user owned a device, and is given
   * `:deviceId`, `:epoch`, `:startedAt` and `:endedAt`.
   */
  per: 'user' | 'ownership';
  sql: string;
}

/** A section whose rows are few enough to be put in order anew for each page. */
function list(
  name: string,
  tables: readonly string[],
  { cursor, columns, from }: { cursor: string; columns: string; from: string },
): ExportSection {
  return {
    name,
    tables,
    per: 'user',
    sql: `SELECT * FROM (SELECT (${cursor})::text COLLATE "C" AS cursor, ${columns} FROM ${from}) AS found
      WHERE cursor > :cursor ORDER BY cursor LIMIT :limit`,
  };
}

/** Numbers in the order of texts. */
const ordered = (column: string): string => `lpad(${column}::text, 20, '0')`;

/** Everything that is stored about a user: a test fails when a table that names users is neither here nor excluded. */
export const exportSections: readonly ExportSection[] = [
  list('profile', ['users'], {
    cursor: 'id',
    columns: 'id, email, email_verified_at, display_name, role, status, created_at, updated_at',
    from: 'users WHERE id = :userId',
  }),
  list('consents', ['account_consents'], {
    cursor: ordered('id'),
    columns: 'kind, given, at',
    from: 'account_consents WHERE user_id = :userId',
  }),
  list('identities', ['identities'], {
    cursor: 'id',
    columns: 'provider, subject, created_at, last_used_at',
    from: 'identities WHERE user_id = :userId',
  }),
  list('sessions', ['sessions'], {
    cursor: 'id',
    columns:
      'id, method, user_agent, created_at, last_used_at, expires_at, revoked_at, revoked_reason AS revoked_because',
    from: 'sessions WHERE user_id = :userId',
  }),
  list('sign_in_links', ['magic_links'], {
    cursor: 'id',
    columns: 'email, created_at, expires_at, used_at',
    from: `magic_links WHERE email IN
      (SELECT email FROM users WHERE id = :userId AND email_verified_at IS NOT NULL)`,
  }),
  // The card that is in the board now is the next owner's.
  list('devices', ['device_ownerships'], {
    cursor: `device_id || ' ' || ${ordered('epoch')}`,
    columns: 'device_id, serial, model, name, iccid, owned_since, owned_until, ended_because',
    from: `(SELECT o.device_id, d.serial, d.model, o.name, o.epoch, CASE WHEN o.ended_at IS NULL THEN d.iccid END AS iccid,
        o.started_at AS owned_since, o.ended_at AS owned_until, o.end_reason AS ended_because
      FROM device_ownerships AS o JOIN devices AS d USING (device_id) WHERE o.user_id = :userId) AS owned`,
  }),
  list('activation_attempts', ['activation_attempts'], {
    cursor: ordered('id'),
    columns: 'device_id, ip AS network, outcome, at',
    from: 'activation_attempts WHERE user_id = :userId',
  }),
  list('device_claims', ['device_claims'], {
    cursor: 'id',
    columns: 'id, device_id, status, failure, created_at, expires_at, ended_at',
    from: 'device_claims WHERE user_id = :userId',
  }),
  list('entitlements', ['entitlements'], {
    cursor: 'id',
    columns: `id, device_id, capability, source, status, purchase_id, starts_at, ends_at, created_at,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('change', change, 'reason', reason, 'ends_at', g.ends_at, 'at', g.at)
          ORDER BY g.id), '[]')
        FROM entitlement_grants AS g WHERE g.entitlement_id = e.id) AS ledger`,
    from: 'entitlements AS e WHERE user_id = :userId',
  }),
  list('orders', ['orders'], {
    cursor: 'id',
    columns: `id, status, currency, total_minor, refunded_minor, dispute, payment_intent, email, shipping, created_at, paid_at,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('sku', sku, 'name', name, 'unit_price_minor', unit_price_minor,
          'quantity', quantity) ORDER BY sku), '[]')
        FROM order_items AS i WHERE i.order_id = o.id) AS items,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('amount_minor', amount_minor, 'status', r.status, 'reason', reason,
          'created_at', r.created_at) ORDER BY r.id), '[]')
        FROM order_refunds AS r WHERE r.payment_intent = o.payment_intent) AS refunds`,
    from: 'orders AS o WHERE user_id = :userId',
  }),
  list('purchases', ['data_plan_purchases'], {
    cursor: 'id',
    columns: `id, device_id, plan_id, price_minor, currency, duration_days, capabilities, iccid, status, payment_intent,
      refunded_minor, created_at, paid_at, activated_at, ends_at`,
    from: 'data_plan_purchases WHERE user_id = :userId',
  }),
  // The addresses of others that the owner typed in are in it, those who view are not.
  list('shares_given', ['device_shares', 'device_ownerships'], {
    cursor: 's.id',
    columns: `s.device_id, s.invited_email, s.created_at, s.accepted_at, s.expires_at, s.ended_at,
      s.end_reason AS ended_because`,
    from: 'device_shares AS s JOIN device_ownerships AS o USING (device_id, epoch) WHERE o.user_id = :userId',
  }),
  list('shares_received', ['device_shares'], {
    cursor: 'id',
    columns: 'device_id, created_at, accepted_at, expires_at, ended_at, end_reason AS ended_because',
    from: 'device_shares WHERE viewer_id = :userId',
  }),
  list('transfers_given', ['device_transfers', 'device_ownerships'], {
    cursor: 't.id',
    columns: `t.device_id, t.recipient_email, t.created_at, t.expires_at, t.closed_at,
      t.close_reason AS closed_because`,
    from: 'device_transfers AS t JOIN device_ownerships AS o USING (device_id, epoch) WHERE o.user_id = :userId',
  }),
  list('transfers_received', ['device_transfers'], {
    cursor: 'id',
    columns: 'device_id, created_at, closed_at, close_reason AS closed_because',
    from: 'device_transfers WHERE to_user_id = :userId',
  }),
  list('staff_invitations', ['staff_invitations'], {
    cursor: 'id',
    columns: 'role, email, created_at, redeemed_at',
    from: 'staff_invitations WHERE redeemed_by = :userId',
  }),
  list('audit', ['audit_log'], {
    cursor: ordered('seq'),
    columns: 'at, action, actor_kind, subject_kind, subject_id, outcome, details, request_id',
    from: `audit_log WHERE (actor_kind IN ('user', 'admin') AND actor_id = :userId)
      OR (subject_kind = 'user' AND subject_id = :userId)`,
  }),
  {
    name: 'commands',
    tables: ['device_commands'],
    per: 'ownership',
    sql: `SELECT id AS cursor, id, device_id, type, params, status, result, error, created_at, expires_at, updated_at
      FROM device_commands WHERE device_id = :deviceId AND epoch = :epoch AND id > :cursor ORDER BY id LIMIT :limit`,
  },
  {
    name: 'events',
    tables: ['device_events'],
    per: 'ownership',
    sql: `SELECT event_id AS cursor, device_id, event_id, type, occurred_at, data, received_at
      FROM device_events WHERE device_id = :deviceId AND event_id > :cursor
        AND occurred_at >= :startedAt AND occurred_at < :endedAt ORDER BY event_id LIMIT :limit`,
  },
  {
    name: 'telemetry',
    tables: ['device_telemetry'],
    per: 'ownership',
    // The time exact to the microsecond and the id: so each page is one step along the index.
    sql: `SELECT at::text || ',' || id AS cursor, device_id, metric, value, unit, at, received_at
      FROM device_telemetry WHERE device_id = :deviceId AND at >= :startedAt AND at < :endedAt
        AND (at, id) > (coalesce(nullif(split_part(:cursor, ',', 1), ''), '-infinity')::timestamptz,
          coalesce(nullif(split_part(:cursor, ',', 2), ''), '0')::bigint)
      ORDER BY at, id LIMIT :limit`,
  },
];

/** Tables that name users, and why what they hold is not exported. */
export const notExported: Readonly<Record<string, string>> = {};
