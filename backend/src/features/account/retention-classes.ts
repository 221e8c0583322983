import { type RecordedTable, rowsOfEndedOwnerships } from './recorded-data.ts';

/**
 * One kind of data and how long it is kept. The job and docs/retention.md are both made from this table: nothing about a
 * person is kept without a term and a reason.
 */
export interface DataClass {
  /** Unique; also names its count in the job's result. */
  name: string;
  what: string;
  table: string;
  /** Days after which a row is over; counted from what `over` compares with `:before`. */
  keptDays: number;
  /** Why not shorter, and why not longer. */
  why: string;
  /** Selects the `ctid` of rows that are over, given `:before`. */
  over: string;
  /** SQL of an UPDATE that takes the person out of the row; without it the row is deleted. */
  blank?: string;
}

const ofTable = (table: string, condition: string): Pick<DataClass, 'table' | 'over'> => ({
  table,
  over: `SELECT ctid FROM ${table} WHERE ${condition}`,
});

const ofFormerOwners = (table: RecordedTable): Pick<DataClass, 'table' | 'over'> => ({
  table,
  over: rowsOfEndedOwnerships(table, 'ownership.ended_at < :before'),
});

const formerOwner =
  'The former owner cannot see it any more and the next one must not. A month, so that support can look into a release by mistake or a hand-over that is disputed.';

/** In this order: what refers to something goes before it. */
export const dataClasses: readonly DataClass[] = [
  {
    name: 'sessions',
    what: 'Sessions that were signed out or have expired, with their refresh tokens',
    ...ofTable('sessions', 'least(revoked_at, expires_at) < :before'),
    keptDays: 30,
    why: 'They show how somebody else got in, when a customer asks. They name devices and times, so no longer.',
  },
  {
    name: 'refresh_tokens',
    what: 'Refresh tokens that were exchanged',
    ...ofTable('refresh_tokens', 'issued_at < :before AND rotated_at < :before'),
    keptDays: 30,
    why: 'A stolen one that is used again ends its session. An older one is refused all the same.',
  },
  {
    name: 'magic_links',
    what: 'Sign-in links, with the address they went to',
    ...ofTable('magic_links', 'expires_at < :before'),
    keptDays: 1,
    why: 'A day, for questions about mails that did not come.',
  },
  {
    name: 'activation_attempts',
    what: 'Attempts to activate a device, with the network they came from',
    ...ofTable('activation_attempts', 'at < :before'),
    keptDays: 1,
    why: 'The limits on guessing look back one day.',
  },
  {
    name: 'device_claims',
    what: 'Activations that a device had to confirm, ended',
    ...ofTable('device_claims', 'ended_at < :before'),
    keptDays: 30,
    why: 'To help a customer whose device did not confirm. Who owns what is not kept here.',
  },
  {
    name: 'idempotency_keys',
    what: 'Answers kept for repeated requests',
    ...ofTable('idempotency_keys', 'expires_at < :before'),
    keptDays: 0,
    why: 'They end a day after the request, by themselves.',
  },
  {
    name: 'rate_limits',
    what: 'Counters of requests, by network address or by the hash of a mail address',
    ...ofTable('rate_limits', 'resets_at < :before'),
    keptDays: 0,
    why: 'They end with their window, an hour at most.',
  },
  {
    name: 'outbox_dead_letters',
    what: 'Mails and calls that failed for good, with the last error',
    ...ofTable('outbox', 'dead_at < :before'),
    keptDays: 90,
    why: 'An operator has a quarter of a year to revive or discard one. An error text may quote an address.',
  },
  {
    name: 'webhook_payloads',
    what: 'What is kept of the words of a webhook event',
    ...ofTable('webhook_events', `received_at < :before AND payload <> '{}'`),
    blank: `payload = '{}'`,
    keptDays: 90,
    why: 'To see what a partner said when a payment or a SIM card is disputed. Card networks allow disputes for 120 days, but their own events tell of those.',
  },
  {
    name: 'webhook_events',
    what: 'Ids of webhook events',
    ...ofTable('webhook_events', 'received_at < :before'),
    keptDays: 400,
    why: 'An event counts once. Partners can send one again by hand for a long time; no person is in the id.',
  },
  {
    name: 'events',
    what: 'Events of devices',
    ...ofTable('device_events', 'received_at < :before'),
    keptDays: 90,
    why: 'What an owner looks back on. They tell when somebody was at home, so no longer.',
  },
  {
    name: 'telemetry',
    what: 'Measurements of devices',
    ...ofTable('device_telemetry', 'received_at < :before'),
    keptDays: 90,
    why: 'To find a fault that comes once a month.',
  },
  {
    name: 'commands',
    what: 'Commands sent to devices',
    ...ofTable(
      'device_commands',
      `updated_at < :before AND status NOT IN ('pending', 'accepted', 'running')`,
    ),
    keptDays: 90,
    why: 'As the events they explain.',
  },
  {
    name: 'former_owner_events',
    what: 'Events of the time of a former owner',
    ...ofFormerOwners('device_events'),
    keptDays: 30,
    why: formerOwner,
  },
  {
    name: 'former_owner_telemetry',
    what: 'Measurements of the time of a former owner',
    ...ofFormerOwners('device_telemetry'),
    keptDays: 30,
    why: formerOwner,
  },
  {
    name: 'former_owner_commands',
    what: 'Commands of a former owner',
    ...ofFormerOwners('device_commands'),
    keptDays: 30,
    why: formerOwner,
  },
  {
    name: 'shares',
    what: 'Shares of devices that are over',
    ...ofTable('device_shares', 'ended_at < :before'),
    keptDays: 90,
    why: 'Who could see what, when an owner asks. The invited address is forgotten when the share ends.',
  },
  {
    name: 'transfers',
    what: 'Offers of devices that are closed',
    ...ofTable('device_transfers', 'closed_at < :before'),
    keptDays: 365,
    why: 'To tell an offer that was accepted from a theft, as long as somebody may complain.',
  },
  {
    name: 'staff_invitations',
    what: 'Invitations to the staff, used or not',
    ...ofTable('staff_invitations', 'expires_at < :before'),
    keptDays: 365,
    why: 'Who let whom in, when access to the shop is looked into. The audit log says it for ever, without the address.',
  },
  {
    name: 'ingested_messages',
    what: 'Ids of messages from devices',
    ...ofTable('ingested_messages', 'received_at < :before'),
    keptDays: 100,
    why: 'A message counts once. A little longer than the events they guard, which would collide otherwise.',
  },
  {
    name: 'closed_account_orders',
    what: 'Mail and delivery address of an order that was paid after its account was closed',
    ...ofTable(
      'orders',
      `(email IS NOT NULL OR shipping IS NOT NULL)
       AND user_id IN (SELECT id FROM users WHERE deleted_at < :before)`,
    ),
    blank: 'email = NULL, shipping = NULL',
    keptDays: 30,
    why: 'A payment that was under way may still come, and is delivered then.',
  },
  {
    name: 'order_addresses',
    what: 'Mail and delivery address of orders, of guests too',
    ...ofTable('orders', 'created_at < :before AND (email IS NOT NULL OR shipping IS NOT NULL)'),
    blank: 'email = NULL, shipping = NULL',
    keptDays: 3 * 365,
    why: 'Claims under a warranty or for a delivery come within three years. What was sold for how much stays.',
  },
  {
    name: 'unpaid_order_items',
    what: 'What was in an order that was never paid',
    ...ofTable(
      'order_items',
      `order_id IN (SELECT id FROM orders WHERE status IN ('failed', 'expired') AND created_at < :before)`,
    ),
    keptDays: 365,
    why: 'Nothing was sold, so there is nothing to keep books on. A year, for questions about payments that failed.',
  },
  {
    name: 'unpaid_orders',
    what: 'Orders that were never paid',
    ...ofTable(
      'orders',
      `status IN ('failed', 'expired') AND created_at < :before
       AND NOT EXISTS (SELECT FROM order_items WHERE order_id = orders.id)`,
    ),
    keptDays: 365,
    why: 'As what was in them.',
  },
  {
    name: 'unpaid_purchases',
    what: 'Data plans that were never paid',
    ...ofTable(
      'data_plan_purchases',
      `status IN ('pending', 'failed') AND paid_at IS NULL AND created_at < :before
       AND NOT EXISTS (SELECT FROM entitlements WHERE purchase_id = data_plan_purchases.id)`,
    ),
    keptDays: 365,
    why: 'As orders that were never paid.',
  },
];

/** What stays, and why no term is set here. */
export const keptData: readonly { what: string; term: string; why: string }[] = [
  {
    what: 'Name, mail address, ways to sign in, consents',
    term: 'As long as the account',
    why: 'They are the account. `DELETE /api/account` removes them at once.',
  },
  {
    what: 'What was sold: orders and purchases with amounts, refunds and disputes',
    term: 'As long as the law on bookkeeping says (8 to 10 years in the EU)',
    why: 'Without the person once the account is closed or three years have passed. Removed by hand at the end of a business year.',
  },
  {
    what: 'Who owned a device from when to when, and what that allowed (entitlements and their ledger)',
    term: 'As long as the device',
    why: 'A trial exists once for each device, ever. The owner is a random id, whose account holds nothing once it is closed.',
  },
  {
    what: 'The audit log',
    term: 'Without end',
    why: 'It proves that nothing was changed in it, so nothing can be taken out. It holds ids, codes and counts; never names, addresses, tokens or card numbers.',
  },
  {
    what: 'Video',
    term: 'The retention of its stream (AOVIS_STREAM_RETENTION_HOURS)',
    why: 'Kinesis Video Streams removes it by itself. Clips and pictures are made on request and stored nowhere.',
  },
];
