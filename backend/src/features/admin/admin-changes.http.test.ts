import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { enqueue } from '../../outbox/outbox.ts';
import { claimNext, fail } from '../../outbox/outbox-queue.ts';
import { type Person, seedPerson } from '../../security/testing/people.ts';
import { type BackendUnderTest, createBackendUnderTest } from '../../testing/backend-under-test.ts';
import { seedVariant } from '../../testing/store-app.ts';
import { seedPurchase } from '../data-plans/testing/seed.ts';
import { seedBoard, seedOwnership } from '../devices/testing/seed.ts';
import { codeOf, type StaffCall, staffCalls } from './testing/staff-calls.ts';

describe('what staff does', () => {
  let database: TestDatabase;
  let app: BackendUnderTest;
  let call: StaffCall;
  let admin: Person;
  let support: Person;
  let customer: Person;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = createBackendUnderTest(database.knex, database.url);
    call = staffCalls(app);
    const now = app.clock.now();
    admin = await seedPerson(database.knex, now, 'admin');
    support = await seedPerson(database.knex, now, 'support');
    customer = await seedPerson(database.knex, now, 'user');
  });
  afterAll(() => database.drop());

  const rowsOf = (requestId: string): Promise<Record<string, unknown>[]> =>
    database.knex('audit_log').where({ request_id: requestId }).orderBy('seq');

  async function variant(stock = 5): Promise<string> {
    const sku = `S-${randomUUID().slice(0, 8).toUpperCase()}`;
    await seedVariant(database.knex, sku, { stock });
    return sku;
  }

  async function order(): Promise<string> {
    const id = randomUUID();
    const now = app.clock.now();
    const row = { id, status: 'pending', currency: 'usd', total_minor: 1_000, email: 'a@example.com' };
    await database.knex('orders').insert({ ...row, expires_at: now, created_at: now });
    return id;
  }

  describe('is on record', () => {
    it.each([
      ['/users', 'user'],
      ['/orders', 'order'],
      ['/purchases', 'data_plan_purchase'],
      ['/devices', 'device'],
      ['/sims', 'sim'],
      ['/audit', 'audit_log'],
      ['/dead-letters', 'outbox_message'],
    ])('as one row for each look at %s', async (path, kind) => {
      const requestId = randomUUID();
      await call(support, 'get', path).set('X-Request-Id', requestId).expect(200);
      expect(await rowsOf(requestId)).toMatchObject([
        {
          action: 'admin.read',
          actor_kind: 'admin',
          actor_id: support.userId,
          subject_kind: kind,
          outcome: 'ok',
        },
      ]);
    });

    it.each([
      [
        'a role for oneself',
        'forbidden',
        async () => ({ method: 'patch' as const, path: `/users/${admin.userId}`, body: { role: 'user' } }),
      ],
      [
        'stock that orders hold',
        'out_of_stock',
        async () => ({
          method: 'post' as const,
          path: `/variants/${await variant()}/stock`,
          body: { delta: -6 },
        }),
      ],
      [
        'a refund of what was not paid',
        'refund_not_possible',
        async () => {
          const deviceId = await seedBoard(database.knex);
          const who = { userId: customer.userId, deviceId, now: app.clock.now() };
          return {
            method: 'post' as const,
            path: `/purchases/${await seedPurchase(database.knex, who)}/refund`,
            body: {},
          };
        },
      ],
    ])('also when it is refused: %s', async (_what, code, asking) => {
      const { method, path, body } = await asking();
      const requestId = randomUUID();
      const answer = await call(admin, method, path, { ...body, reason: 'for a test' }).set(
        'X-Request-Id',
        requestId,
      );
      expect(codeOf(answer)).toBe(code);
      expect(await rowsOf(requestId)).toMatchObject([
        {
          actor_id: admin.userId,
          subject_id: expect.any(String),
          outcome: 'refused',
          details: { code },
        },
      ]);
    });

    it('without the name of what does not exist: it may be anything', async () => {
      const requestId = randomUUID();
      const path = '/devices/anna%40example.com/release';
      const answer = await call(admin, 'post', path, { reason: 'mistaken' }).set('X-Request-Id', requestId);
      expect(codeOf(answer)).toBe('device_not_found');
      expect(await rowsOf(requestId)).toMatchObject([
        {
          subject_kind: 'device',
          subject_id: null,
          outcome: 'refused',
          details: { code: 'device_not_found' },
        },
      ]);
    });

    it('with what was there before and is now', async () => {
      const sku = await variant();
      const path = `/products/${sku.toLowerCase()}`;
      const sold = { sku, name: 'White', price_minor: 19_900, currency: 'usd', stock: 5, active: true };
      const requestId = randomUUID();
      const product = { name: 'AOVIS N5K', description: 'A camera.', active: true, variants: [sold] };
      await call(admin, 'put', path, product).set('X-Request-Id', requestId).expect(200);
      const [row] = await rowsOf(requestId);
      expect(row?.details).toEqual({ before: { name: 'AOVIS N4K' }, after: { name: 'AOVIS N5K' } });
    });

    it('as a note in the history of an order', async () => {
      const id = await order();
      const text = 'The parcel came back.';
      await call(support, 'post', `/orders/${id}/notes`, { text }).expect(201);
      const { body } = await call(support, 'get', `/orders/${id}`);
      expect(body.history[0]).toMatchObject({
        action: 'admin.note',
        actor_id: support.userId,
        details: { text },
      });
      const nowhere = await call(support, 'post', `/orders/${randomUUID()}/notes`, { text });
      expect(codeOf(nowhere)).toBe('order_not_found');
    });
  });

  it('shows one bought data plan with its history, and no card number', async () => {
    const iccid = '89445001021983048303';
    const deviceId = await seedBoard(database.knex, { iccid });
    const who = { userId: customer.userId, deviceId, iccid, now: app.clock.now() };
    const id = await seedPurchase(database.knex, who);
    await call(support, 'post', `/purchases/${id}/retry`, { reason: 'she waits' }).expect(202);
    const { body, text } = await call(support, 'get', `/purchases/${id}`);
    expect(body).toMatchObject({
      purchase: { purchase_id: id, user_id: customer.userId },
      history: [{ action: 'admin.retry_purchase' }],
    });
    expect(text).not.toContain(iccid);
    expect(codeOf(await call(support, 'get', `/purchases/${randomUUID()}`))).toBe('purchase_not_found');
  });

  it('pays a data plan back without waiting for an order that keeps failing', async () => {
    const deviceId = await seedBoard(database.knex);
    const who = { userId: customer.userId, deviceId, now: app.clock.now() };
    const id = await seedPurchase(database.knex, who);
    await database.knex('data_plan_purchases').where({ id }).update({ status: 'paid', paid_at: who.now });
    await call(support, 'post', `/purchases/${id}/retry`, { reason: 'she waits' }).expect(202);
    await call(admin, 'post', `/purchases/${id}/refund`, { reason: 'no coverage' }).expect(202);
    const next = await claimNext(database.knex, { topics: ['data_plan.settle'], leaseMs: 1_000 });
    expect(next?.payload).toEqual({ purchase_id: id, refund_customer: true });
  });

  it('shows one given-up message, with what looks like a secret blanked', async () => {
    await enqueue(database.knex, { topic: 'test.one', key: 'k', payload: { password: 'hunter2', order: 7 } });
    const claimed = await claimNext(database.knex, { topics: ['test.one'], leaseMs: 1_000 });
    if (claimed === undefined) throw new Error('nothing to claim');
    await fail(database.knex, claimed, { error: new Error('no'), retryInMs: undefined });
    const { body, text } = await call(support, 'get', `/dead-letters/${claimed.id}`);
    expect(body).toMatchObject({ id: claimed.id, payload: { order: 7 } });
    expect(text).not.toContain('hunter2');
    expect(codeOf(await call(support, 'get', '/dead-letters/nothing'))).toBe('dead_letter_not_found');
  });

  it('is done once for each Idempotency-Key', async () => {
    const sku = await variant(5);
    const key = randomUUID();
    const add = () =>
      call(admin, 'post', `/variants/${sku}/stock`, { delta: 10, reason: 'delivery' }).set(
        'Idempotency-Key',
        key,
      );
    const [first, again] = [await add(), await add()];
    expect(first.body).toEqual({ sku, stock: 15, reserved: 0 });
    expect(again.body).toEqual(first.body);

    const deviceId = await seedBoard(database.knex);
    await seedOwnership(database.knex, { userId: customer.userId, deviceId });
    const body = { capability: 'cloud_playback', days: 7, reason: 'an outage' };
    const grant = () =>
      call(admin, 'post', `/devices/${deviceId}/entitlements`, body).set('Idempotency-Key', key);
    const granted = await grant();
    expect((await grant()).body).toEqual(granted.body);
    expect(await database.knex('entitlements').where({ device_id: deviceId })).toHaveLength(1);
  });

  it('loses no piece that is counted while a product is saved', async () => {
    const sku = await variant(100);
    const sold = { sku, name: 'White', price_minor: 100, currency: 'usd', stock: 100, active: true };
    const product = { name: 'Camera', description: 'It sees.', active: true, variants: [sold] };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => [
        call(admin, 'put', `/products/${sku.toLowerCase()}`, product),
        call(admin, 'post', `/variants/${sku}/stock`, { delta: -3, reason: 'broken' }),
      ]).flat(),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const row = await database.knex('product_variants').where({ sku }).first<{ stock: number }>('stock');
    expect(row.stock).toBe(70);
  });

  it('makes no product of what two make at once under one SKU', async () => {
    const sku = `S-${randomUUID().slice(0, 8).toUpperCase()}`;
    const sold = { sku, name: 'White', price_minor: 100, currency: 'usd', stock: 1, active: true };
    const product = { name: 'Camera', description: 'It sees.', active: true, variants: [sold] };
    const slugs = [1, 2, 3, 4].map((n) => `${sku.toLowerCase()}-${n}`);
    const answers = await Promise.all(slugs.map((slug) => call(admin, 'put', `/products/${slug}`, product)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter((answer) => codeOf(answer) === 'sku_taken')).toHaveLength(3);
  });

  it('finds users made in the same millisecond, each once', async () => {
    const email = (n: number): string => `same-${n}@example.com`;
    await database.knex.raw(
      `INSERT INTO users (email, created_at) SELECT 'same-' || n || '@example.com',
         '2026-01-01T00:00:00.000Z'::timestamptz + ((n * 7919) % 97) * interval '1 microsecond'
       FROM generate_series(1, 20) AS n`,
    );
    const found: string[] = [];
    let cursor = '';
    do {
      const { body } = await call(support, 'get', `/users?email=same-&limit=3${cursor}`);
      found.push(...body.users.map((user: { email: string }) => user.email));
      cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
    } while (cursor !== '');
    expect(found).toHaveLength(20);
    expect(new Set(found)).toEqual(new Set(Array.from({ length: 20 }, (_, n) => email(n + 1))));
  });

  it('keeps a disabled user out, until the account is enabled again', async () => {
    const person = await seedPerson(database.knex, app.clock.now(), 'user');
    const set = (status: string) =>
      call(admin, 'patch', `/users/${person.userId}`, { status, reason: 'for a test' });
    expect((await set('disabled')).body).toMatchObject({ status: 'disabled' });
    const { body } = await call(support, 'get', `/users/${person.userId}`);
    expect(body).toMatchObject({ status: 'disabled', sessions: 0 });
    expect((await set('active')).body).toMatchObject({ status: 'active' });
    const stale = await call(person, 'get', '/users');
    expect(codeOf(stale)).toBe('unauthorized');
  });
});
