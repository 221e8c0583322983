import { randomBytes, randomUUID } from 'node:crypto';
import type { Database } from '../../../db/database.ts';
import { ulidOf } from '../../../kernel/ulid.ts';
import { seedBoard, seedOwnership, seedUser } from '../../devices/testing/seed.ts';

export interface SeededPerson {
  userId: string;
  sessionId: string;
  email: string;
  name: string;
  /** Owned now, since the day before `now`. */
  deviceId: string;
  /** Owned until a day before `now`, for a day. */
  formerDeviceId: string;
  orderId: string;
}

const dayMs = 86_400_000;

/** A person with something in every table that knows people, name and address wherever they could be. */
export async function seedPerson(db: Database, word: string, now: Date): Promise<SeededPerson> {
  const at = (days: number): Date => new Date(now.getTime() + days * dayMs);
  const email = `${word}@example.com`;
  const name = `Name of ${word}`;
  const userId = randomUUID();
  await db('users').insert({ id: userId, email, email_verified_at: now, display_name: name });
  await db('identities').insert([
    { user_id: userId, provider: 'google', subject: `sub-${word}` },
    { user_id: userId, provider: 'email', subject: email },
  ]);
  await db('account_consents').insert({ user_id: userId, kind: 'ai_features', given: true, at: now });
  const sessionId = await seedSession(db, userId, { userAgent: name, at: now });
  await db('magic_links').insert({
    email,
    token_hash: randomBytes(32),
    requester_hash: randomBytes(32),
    created_at: now,
    expires_at: at(1),
    used_at: now,
  });
  await db('staff_invitations').insert({
    token_hash: randomBytes(32),
    role: 'support',
    email,
    created_at: now,
    expires_at: at(1),
    redeemed_at: now,
    redeemed_by: userId,
  });
  await db('idempotency_keys').insert({
    scope: `${userId} createCheckout`,
    key: 'k',
    fingerprint: randomBytes(32),
    status: 201,
    body: JSON.stringify({ name }),
    expires_at: at(1),
  });

  const iccid = `8944500${Date.now().toString().slice(-6)}${String(seeded++).padStart(6, '0')}`;
  const deviceId = await seedBoard(db, { iccid });
  const formerDeviceId = await seedBoard(db);
  await seedOwnership(db, { userId, deviceId, startedAt: at(-1), name });
  await seedOwnership(db, { userId, deviceId: formerDeviceId, startedAt: at(-2), endedAt: at(-1) });
  await db('activation_attempts').insert({
    device_id: deviceId,
    user_id: userId,
    ip: '203.0.113.7',
    outcome: 'ok',
    at: now,
  });
  await db('device_claims').insert({
    id: ulidOf(now, randomBytes(10)),
    device_id: deviceId,
    user_id: userId,
    epoch: 0,
    nonce: randomBytes(32).toString('base64url'),
    status: 'activated',
    request_id: 'test',
    created_at: at(-1),
    expires_at: new Date(at(-1).getTime() + 120_000),
    ended_at: at(-1),
  });
  await seedRecorded(db, { deviceId, at: at(-0.5), note: name });
  await seedRecorded(db, { deviceId: formerDeviceId, at: at(-1.5), note: name });

  await seedShares(db, { userId, deviceId, email, now });
  const orderId = await seedOrder(db, { userId, email, name, at: now });
  await seedPurchase(db, { userId, deviceId, iccid, now });
  return { userId, sessionId, email, name, deviceId, formerDeviceId, orderId };
}

let seeded = 0;

export async function seedSession(
  db: Database,
  userId: string,
  { userAgent, at }: { userAgent: string; at: Date },
): Promise<string> {
  const id = randomUUID();
  await db('sessions').insert({
    id,
    user_id: userId,
    method: 'google',
    user_agent: userAgent,
    created_at: at,
    last_used_at: at,
    expires_at: new Date(at.getTime() + 30 * dayMs),
  });
  const token = { token_hash: randomBytes(32), session_id: id, generation: 1, issued_at: at };
  await db('refresh_tokens').insert(token);
  return id;
}

/** One event, one measurement and one command of the first owner. */
export async function seedRecorded(
  db: Database,
  { deviceId, at, note, epoch = 1 }: { deviceId: string; at: Date; note: string; epoch?: number },
): Promise<void> {
  const of = { device_id: deviceId, event_id: randomUUID(), received_at: at };
  await db('device_events').insert({
    ...of,
    type: 'motion',
    occurred_at: at,
    seq: 1,
    data: JSON.stringify({ note }),
  });
  await db('device_telemetry').insert({ ...of, metric: 'temperature', value: 21.5, unit: 'Cel', at });
  await db('device_commands').insert({
    id: `0${randomBytes(13).toString('hex').slice(0, 25).toUpperCase()}`,
    device_id: deviceId,
    epoch,
    type: 'identify',
    params: JSON.stringify({ note }),
    status: 'succeeded',
    request_id: 'test',
    created_at: at,
    expires_at: new Date(at.getTime() + 60_000),
    updated_at: at,
  });
}

/** The person invites a friend and offers a device, views somebody else's, was given one and is offered another. */
async function seedShares(
  db: Database,
  { userId, deviceId, email, now }: { userId: string; deviceId: string; email: string; now: Date },
): Promise<void> {
  const until = new Date(now.getTime() + dayMs);
  const invitation = () => ({ id: randomUUID(), epoch: 1, token_hash: randomBytes(32), created_at: now });
  const share = (board: string) => ({
    ...invitation(),
    device_id: board,
    slot: 1,
    invitation_expires_at: until,
    expires_at: until,
  });
  const someone = await seedUser(db);
  const [viewed, offered, given] = [await seedBoard(db), await seedBoard(db), await seedBoard(db)];
  const startedAt = new Date(now.getTime() - dayMs);
  for (const board of [viewed, offered, given])
    await seedOwnership(db, { userId: someone, deviceId: board, startedAt });
  await db('device_shares').insert({ ...share(deviceId), invited_email: `friend-of-${email}` });
  await db('device_shares').insert({ ...share(viewed), viewer_id: userId, accepted_at: now });
  await db('device_shares').insert({ ...share(offered), invited_email: email });
  const offer = (board: string) => ({ ...invitation(), device_id: board, expires_at: until });
  await db('device_transfers').insert({ ...offer(deviceId), recipient_email: `heir-of-${email}` });
  await db('device_transfers').insert({ ...offer(offered), recipient_email: email });
  const accepted = { to_user_id: userId, closed_at: now, close_reason: 'accepted' };
  await db('device_transfers').insert({ ...offer(given), ...accepted });
}

export interface SeededOrder {
  userId: string | null;
  email: string | null;
  name: string;
  at: Date;
  status?: 'paid' | 'expired';
}

export async function seedOrder(
  db: Database,
  { userId, email, name, at, status = 'paid' }: SeededOrder,
): Promise<string> {
  const id = randomUUID();
  const payment_intent = `pi_${id}`;
  await db('orders').insert({
    id,
    user_id: userId,
    status,
    currency: 'usd',
    total_minor: 19_900,
    payment_intent,
    stripe_session_id: `cs_${id}`,
    email,
    shipping: email === null ? null : JSON.stringify({ name, address: { line1: '1 Main St' } }),
    expires_at: at,
    created_at: at,
    paid_at: status === 'paid' ? at : null,
  });
  const variant_id = await anyVariant(db);
  const item = { sku: 'N4K-WHITE', name: 'White', unit_price_minor: 19_900, quantity: 1 };
  await db('order_items').insert({ order_id: id, variant_id, ...item });
  if (status === 'paid') {
    await db('order_payments').insert({ payment_intent });
    const refund = { refund_id: `re_${id}`, amount_minor: 100, status: 'succeeded', created_at: at };
    await db('order_refunds').insert({ payment_intent, ...refund });
  }
  return id;
}

async function anyVariant(db: Database): Promise<string> {
  const known = await db('product_variants').first<{ id: string } | undefined>('id');
  if (known !== undefined) return known.id;
  const now = new Date();
  const product = { slug: 'n4k', name: 'N4K', description: '', active: true, position: 0 };
  const [{ id: product_id } = { id: '' }] = await db('products')
    .insert({ ...product, created_at: now, updated_at: now })
    .returning<{ id: string }[]>('id');
  const variant = { sku: 'N4K-WHITE', name: 'White', price_minor: 19_900, currency: 'usd', stock: 5 };
  const [{ id } = { id: '' }] = await db('product_variants')
    .insert({ product_id, ...variant, active: true, position: 0 })
    .returning<{ id: string }[]>('id');
  return id;
}

async function seedPurchase(
  db: Database,
  { userId, deviceId, iccid, now }: { userId: string; deviceId: string; iccid: string; now: Date },
): Promise<void> {
  const plan = {
    plan_id: 'eu-5gb',
    package_code: 'P1',
    price_minor: 990,
    currency: 'eur',
    duration_days: 30,
  };
  const capabilities = ['cellular_data'];
  await db('data_plans')
    .insert({ ...plan, name: '5 GB', description: '5 GB', capabilities })
    .onConflict('plan_id')
    .ignore();
  const [{ id } = { id: '' }] = await db('data_plan_purchases')
    .insert({
      ...plan,
      user_id: userId,
      device_id: deviceId,
      capabilities,
      iccid,
      status: 'paid',
      paid_at: now,
      created_at: now,
      updated_at: now,
    })
    .returning<{ id: string }[]>('id');
  const [{ id: entitlement_id } = { id: '' }] = await db('entitlements')
    .insert({
      device_id: deviceId,
      user_id: userId,
      capability: 'cellular_data',
      source: 'purchase',
      purchase_id: id,
      starts_at: now,
    })
    .returning<{ id: string }[]>('id');
  await db('entitlement_grants').insert({
    entitlement_id,
    change: 'granted',
    reason: 'the data plan is active',
  });
}
