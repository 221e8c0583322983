import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { enqueue } from '../../outbox/outbox.ts';
import { claimNext, fail } from '../../outbox/outbox-queue.ts';
import { accessToken, type Person, seedPerson } from '../../security/testing/people.ts';
import { type BackendUnderTest, createBackendUnderTest } from '../../testing/backend-under-test.ts';
import { seedVariant } from '../../testing/store-app.ts';
import { seedPurchase } from '../data-plans/testing/seed.ts';
import { seedBoard, seedOwnership } from '../devices/testing/seed.ts';
import { FakePayments } from '../orders/testing/fake-payments.ts';
import { InvitationService } from './invitation-service.ts';
import { codeOf, type StaffCall, staffCalls } from './testing/staff-calls.ts';

describe('staff', () => {
  let database: TestDatabase;
  let app: BackendUnderTest;
  let admin: Person;
  let support: Person;
  let anna: Person;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = createBackendUnderTest(database.knex, database.url, {}, { payments: new FakePayments() });
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await database.knex('users').whereIn('role', ['admin', 'support']).update({ role: 'user' });
    const now = app.clock.now();
    admin = await seedPerson(database.knex, now, 'admin');
    support = await seedPerson(database.knex, now, 'support');
    anna = await seedPerson(database.knex, now, 'user');
    await database
      .knex('users')
      .where({ id: anna.userId })
      .update({ email: `anna-${randomUUID()}@example.com`, email_verified_at: now });
  });

  const call: StaffCall = (...asked) => staffCalls(app)(...asked);
  const audited = async (action: string): Promise<Record<string, unknown>[]> =>
    database.knex('audit_log').where({ action }).orderBy('seq', 'desc').limit(1);

  describe('and people', () => {
    it('finds them by the beginning of the address, whatever it holds', async () => {
      const { email } = await database
        .knex('users')
        .where({ id: anna.userId })
        .first<{ email: string }>('email');
      const found = await call(
        support,
        'get',
        `/users?email=${encodeURIComponent(email.toUpperCase().slice(0, 20))}`,
      );
      expect(found.body.users).toMatchObject([{ id: anna.userId, role: 'user', status: 'active' }]);
      expect((await call(support, 'get', '/users?email=%25')).body.users).toEqual([]);
      expect(await audited('admin.read')).toMatchObject([
        { actor_kind: 'admin', actor_id: support.userId, subject_kind: 'user', details: { found: 0 } },
      ]);
    });

    it('turns the pages of a list', async () => {
      const seen: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const { body }: request.Response = await call(
          support,
          'get',
          `/users?limit=2${cursor && `&cursor=${cursor}`}`,
        );
        seen.push(...(body as { users: { id: string }[] }).users.map(({ id }) => id));
        cursor = (body as { next_cursor: string | null }).next_cursor;
      }
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toHaveLength((await database.knex('users')).length);
    });

    it('changes a role at once', async () => {
      expect((await call(anna, 'get', '/users')).status).toBe(403);
      const changed = await call(admin, 'patch', `/users/${anna.userId}`, {
        role: 'support',
        reason: 'joins us',
      });
      expect(changed.body).toMatchObject({ id: anna.userId, role: 'support' });
      expect((await call(anna, 'get', '/users')).status).toBe(200);
      expect(await audited('admin.change_user')).toMatchObject([
        {
          subject_id: anna.userId,
          details: { before: { role: 'user' }, after: { role: 'support' }, reason: 'joins us' },
        },
      ]);
      await call(admin, 'patch', `/users/${anna.userId}`, { role: 'user', reason: 'left us' });
      expect((await call(anna, 'get', '/users')).status).toBe(403);
    });

    it('ends the sessions of an account that is disabled', async () => {
      await call(admin, 'patch', `/users/${anna.userId}`, { status: 'disabled', reason: 'stolen cards' });
      const devices = await request(app.backend.app)
        .get('/api/devices')
        .set('Authorization', `Bearer ${anna.token}`);
      expect(devices.status).toBe(401);
    });

    it.each([
      ['one’s own account', () => admin.userId, 'forbidden'],
      ['an unknown user', () => randomUUID(), 'user_not_found'],
      ['no user at all', () => 'nobody', 'user_not_found'],
    ])('does not change %s', async (_who, id, code) => {
      const answer = await call(admin, 'patch', `/users/${id()}`, { role: 'user', reason: 'for a test' });
      expect(codeOf(answer)).toBe(code);
    });

    it('keeps one admin, though two remove each other at the same time', async () => {
      const other = await seedPerson(database.knex, app.clock.now(), 'admin');
      const demote = (by: Person, whom: Person) =>
        call(by, 'patch', `/users/${whom.userId}`, { role: 'user', reason: 'a quarrel' });
      const answers = await Promise.all([demote(admin, other), demote(other, admin)]);
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 403]);
      expect(await database.knex('users').where({ role: 'admin', status: 'active' })).toHaveLength(1);
    });
  });

  describe('and invitations', () => {
    const invitations = (): InvitationService =>
      new InvitationService({ db: database.knex, clock: app.clock });
    const redeem = (who: Person, token: string) => call(who, 'post', '/invitations/redeem', { token });

    it('make an admin, once, though twenty try', async () => {
      await database.knex('users').where({ role: 'admin' }).update({ role: 'user' });
      const { token } = await invitations().invite({ role: 'admin', email: undefined, additional: false });
      const answers = await Promise.all(Array.from({ length: 20 }, () => redeem(anna, token)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect((await call(anna, 'get', '/users')).status).toBe(200);
      expect(JSON.stringify(await database.knex('staff_invitations'))).not.toContain(token);
    });

    it('are refused while there is an admin, unless an additional one is wanted', async () => {
      const asked = { role: 'admin', email: undefined } as const;
      await expect(invitations().invite({ ...asked, additional: false })).rejects.toThrow(
        'There is an admin already',
      );
      const { token } = await invitations().invite({ ...asked, additional: true });
      expect((await redeem(anna, token)).body).toEqual({ role: 'admin' });
    });

    it('to be the first are replaced by the next one, and over when somebody is', async () => {
      await database.knex('users').where({ role: 'admin' }).update({ role: 'user' });
      const first = { role: 'admin', email: undefined, additional: false } as const;
      const { token: replaced } = await invitations().invite(first);
      const { token } = await invitations().invite(first);
      expect(codeOf(await redeem(anna, replaced))).toBe('invalid_token');
      await database.knex('users').where({ id: support.userId }).update({ role: 'admin' });
      expect(codeOf(await redeem(anna, token))).toBe('invalid_token');
      await database.knex('users').where({ id: support.userId }).update({ role: 'support' });
      expect((await redeem(anna, token)).body).toEqual({ role: 'admin' });
    });

    it('are of no use to somebody else, nor too late', async () => {
      const { token } = await invitations().invite({
        role: 'support',
        email: 'somebody@example.com',
        additional: true,
      });
      expect(codeOf(await redeem(anna, token))).toBe('invalid_token');
      expect(await audited('admin.redeem')).toMatchObject([{ outcome: 'refused', actor_id: anna.userId }]);
      await database
        .knex('users')
        .where({ id: anna.userId })
        .update({ email: 'somebody@example.com', email_verified_at: null });
      expect(codeOf(await redeem(anna, token))).toBe('invalid_token');
      await database.knex('users').where({ id: anna.userId }).update({ email_verified_at: app.clock.now() });
      await database.knex('staff_invitations').update({ expires_at: app.clock.now() });
      expect(codeOf(await redeem(anna, token))).toBe('invalid_token');
    });
  });

  describe('and the store', () => {
    it('makes, changes and takes off a product; its stock is left alone', async () => {
      const slug = `cam-${randomUUID().slice(0, 8)}`;
      const sku = slug.toUpperCase();
      const variant = { sku, name: 'White', price_minor: 100, currency: 'usd', stock: 5, active: true };
      const product = { name: 'Camera', description: 'It sees.', active: true, variants: [variant] };
      expect((await call(admin, 'put', `/products/${slug}`, product)).body).toMatchObject({
        slug,
        variants: [variant],
      });
      const cheaper = { ...product, variants: [{ ...variant, price_minor: 90, stock: 0 }] };
      const changed = await call(admin, 'put', `/products/${slug}`, cheaper);
      expect(changed.body.variants).toMatchObject([{ price_minor: 90, stock: 5 }]);
      const shown = await request(app.backend.app).get(`/api/store/products/${slug}`);
      expect(shown.body.variants).toMatchObject([{ price_minor: 90 }]);
      await call(admin, 'put', `/products/${slug}`, { ...product, active: false });
      expect((await request(app.backend.app).get(`/api/store/products/${slug}`)).status).toBe(404);
      const other = await call(admin, 'put', `/products/${slug}-2`, product);
      expect(codeOf(other)).toBe('sku_taken');
    });

    it('counts stock up and down, never below what orders hold', async () => {
      const sku = `S-${randomUUID().slice(0, 8).toUpperCase()}`;
      const id = await seedVariant(database.knex, sku, { stock: 5 });
      await database.knex('product_variants').where({ id }).update({ reserved: 3 });
      const adjust = (delta: number) =>
        call(admin, 'post', `/variants/${sku}/stock`, { delta, reason: 'counted' });
      expect((await adjust(10)).body).toEqual({ sku, stock: 15, reserved: 3 });
      expect(codeOf(await adjust(-13))).toBe('out_of_stock');
      expect((await adjust(-12)).body).toEqual({ sku, stock: 3, reserved: 3 });
      expect(await audited('admin.adjust_stock')).toMatchObject([
        { details: { delta: -12, before: { stock: 15 }, after: { stock: 3 }, reason: 'counted' } },
      ]);
    });

    async function paidOrder(): Promise<string> {
      const id = randomUUID();
      const now = app.clock.now();
      const paymentIntent = `pi_${id}`;
      await database.knex('order_payments').insert({ payment_intent: paymentIntent });
      await database.knex('orders').insert({
        id,
        user_id: anna.userId,
        status: 'paid',
        currency: 'usd',
        total_minor: 1_000,
        payment_intent: paymentIntent,
        email: 'Anna@Example.com',
        expires_at: now,
        created_at: now,
        paid_at: now,
      });
      return id;
    }

    it('finds orders, shows their history, and gives money back once', async () => {
      const id = await paidOrder();
      const found = await call(support, 'get', '/orders?email=anna@example.com&status=paid');
      expect(found.body.orders.map((order: { id: string }) => order.id)).toContain(id);
      const refund = () =>
        call(admin, 'post', `/orders/${id}/refunds`, { amount_minor: 400, reason: 'late' }).set(
          'Idempotency-Key',
          id,
        );
      const [first, second] = [await refund(), await refund()];
      expect(first.status).toBe(202);
      expect(second.body).toEqual(first.body);
      const tooMuch = await call(admin, 'post', `/orders/${id}/refunds`, {
        amount_minor: 700,
        reason: 'more',
      });
      expect(tooMuch.body.error).toMatchObject({
        code: 'refund_not_possible',
        details: { refundable_minor: 600 },
      });
      const { body } = await call(support, 'get', `/orders/${id}`);
      expect(body.order).toMatchObject({ id, user_id: anna.userId });
      expect(
        body.history.map(({ action, outcome }: Record<string, string>) => `${action} ${outcome}`),
      ).toEqual(['order.request_refund ok', 'order.request_refund refused']);
      expect(codeOf(await call(support, 'get', `/orders/${randomUUID()}`))).toBe('order_not_found');
    });

    it('finds bought data plans without showing a card, and sets things off for them', async () => {
      const deviceId = await seedBoard(database.knex, { iccid: '89445001021983048261' });
      const id = await seedPurchase(database.knex, {
        userId: anna.userId,
        deviceId,
        iccid: '89445001021983048261',
        now: app.clock.now(),
      });
      const { body } = await call(support, 'get', `/purchases?device_id=${deviceId}`);
      expect(body.purchases).toMatchObject([
        { purchase_id: id, iccid: '8944************8261', user_id: anna.userId },
      ]);
      expect((await call(support, 'post', `/purchases/${id}/retry`, { reason: 'she waits' })).status).toBe(
        202,
      );
      expect(codeOf(await call(admin, 'post', `/purchases/${id}/refund`, { reason: 'never paid' }))).toBe(
        'refund_not_possible',
      );
      await database
        .knex('data_plan_purchases')
        .where({ id })
        .update({ status: 'active', paid_at: app.clock.now() });
      expect((await call(admin, 'post', `/purchases/${id}/refund`, { reason: 'no coverage' })).status).toBe(
        202,
      );
      const topics = await database
        .knex('outbox')
        .whereRaw(`payload->>'purchase_id' = ?`, [id])
        .orderBy('id')
        .pluck('topic');
      expect(topics).toEqual(['data_plan.refresh', 'data_plan.settle']);
    });
  });

  describe('and devices', () => {
    async function ownedBoard(iccid: string): Promise<string> {
      const deviceId = await seedBoard(database.knex, { iccid });
      await seedOwnership(database.knex, { userId: anna.userId, deviceId });
      await database.knex('devices').where({ device_id: deviceId }).update({ ownership_epoch: 1 });
      return deviceId;
    }

    it('sees who had a device and what they may do with it, with masks on', async () => {
      const deviceId = await ownedBoard('89445001021983048279');
      const found = await call(support, 'get', `/devices?q=${deviceId}`);
      expect(found.body.devices).toMatchObject([
        { device_id: deviceId, owner_id: anna.userId, online: false },
      ]);
      const { body } = await call(support, 'get', `/devices/${deviceId}`);
      expect(body).toMatchObject({
        iccid: '8944************8279',
        owner_email: 'a***@example.com',
        ownerships: [{ user_id: anna.userId, ended_at: null }],
      });
      const sims = await call(support, 'get', '/sims?ends_with=8279');
      expect(sims.body.sims).toMatchObject([{ iccid: '8944************8279' }]);
      expect(JSON.stringify([found.body, body, sims.body])).not.toContain('89445001021983048279');
    });

    it('takes a device from its owner', async () => {
      const deviceId = await ownedBoard('89445001021983048287');
      const release = () => call(admin, 'post', `/devices/${deviceId}/release`, { reason: 'lost account' });
      expect((await release()).body).toEqual({ device_id: deviceId, released: true });
      const owners = { before: { owner_id: anna.userId }, after: { owner_id: null } };
      expect(await audited('admin.release_device')).toMatchObject([
        {
          actor_id: admin.userId,
          subject_id: deviceId,
          details: { ...owners, epoch: 2, reason: 'lost account' },
        },
      ]);
      expect(codeOf(await release())).toBe('device_not_found');
      const { body } = await call(support, 'get', `/devices/${deviceId}`);
      expect(body).toMatchObject({ owner_id: null, claim_state: 'claimable' });
    });

    it('grants, suspends, restores and revokes a right, each with a line in the ledger', async () => {
      const deviceId = await ownedBoard('89445001021983048295');
      const grant = { capability: 'cloud_playback', days: 7, reason: 'an outage' };
      const granted = await call(admin, 'post', `/devices/${deviceId}/entitlements`, grant);
      expect(granted.status).toBe(201);
      const id = granted.body.entitlement_id as string;
      const set = (status: string) =>
        call(admin, 'post', `/entitlements/${id}/status`, { status, reason: 'a test' });
      for (const status of ['suspended', 'suspended', 'active', 'revoked'])
        expect((await set(status)).body).toEqual({ entitlement_id: id, status });
      expect(codeOf(await set('active'))).toBe('entitlement_not_found');
      const ledger = await database
        .knex('entitlement_grants')
        .where({ entitlement_id: id })
        .orderBy('id')
        .pluck('change');
      expect(ledger).toEqual(['granted', 'suspended', 'restored', 'revoked']);
    });
  });

  describe('and what runs behind', () => {
    it('searches the audit log by all it knows', async () => {
      await call(admin, 'patch', `/users/${anna.userId}`, { role: 'support', reason: 'findable' }).set(
        'X-Request-Id',
        'the-one',
      );
      const query = `actor_id=${admin.userId}&subject_kind=user&action=admin.change_user&outcome=ok&request_id=the-one`;
      const { body } = await call(support, 'get', `/audit?${query}`);
      expect(body.entries).toMatchObject([{ subject_id: anna.userId, details: { reason: 'findable' } }]);
      const first = await call(support, 'get', '/audit?limit=2');
      const next = await call(support, 'get', `/audit?limit=2&cursor=${first.body.next_cursor}`);
      expect(Number(next.body.entries[0].seq)).toBeLessThan(Number(first.body.entries[1].seq));
    });

    it('revives and discards what the outbox gave up', async () => {
      const ids: string[] = [];
      for (const key of ['a', 'b']) {
        await enqueue(database.knex, { topic: 'test.dead', key, payload: { key } });
        const claimed = await claimNext(database.knex, { topics: ['test.dead'], leaseMs: 1_000 });
        if (claimed === undefined) throw new Error('nothing to claim');
        await fail(database.knex, claimed, { error: new Error('no'), retryInMs: undefined });
        ids.push(claimed.id);
      }
      const list = await call(support, 'get', '/dead-letters');
      expect(list.body.dead_letters).toMatchObject([
        { id: ids[1], last_error: 'no' },
        { id: ids[0], topic: 'test.dead' },
      ]);
      const [a, b] = ids;
      expect((await call(admin, 'post', `/dead-letters/${a}/revive`, { reason: 'again' })).body).toEqual({
        revived: true,
      });
      expect(codeOf(await call(admin, 'post', `/dead-letters/${a}/revive`, { reason: 'again' }))).toBe(
        'dead_letter_not_found',
      );
      expect((await call(admin, 'post', `/dead-letters/${b}/discard`, { reason: 'gone' })).body).toEqual({
        discarded: true,
      });
      expect((await call(support, 'get', '/dead-letters')).body.dead_letters).toEqual([]);
      expect((await call(support, 'get', '/jobs')).body).toEqual({ jobs: expect.any(Array) });
    });
  });

  it('with an expired token is nobody', async () => {
    const now = new Date(app.clock.now().getTime() - 1_000_000);
    const token = accessToken({ userId: admin.userId, sessionId: randomUUID(), now });
    expect((await call({ ...admin, token }, 'get', '/users')).status).toBe(401);
  });
});
