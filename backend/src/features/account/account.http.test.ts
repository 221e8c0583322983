import { accountExportSchema, accountSchema, listOrders } from '@aovis/contracts/http/account';
import { type SignedIn, signedInSchema } from '@aovis/contracts/http/auth';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import type { Database } from '../../db/database.ts';
import { type BackendUnderTest, createBackendUnderTest } from '../../testing/backend-under-test.ts';
import { hasConsented } from './consents.ts';
import { seedOrder } from './testing/seed-person.ts';

const orderPageSchema = listOrders.responses[200];
const unknownId = 'b1f7e1d4-0d0e-4b57-8c8b-5f5b0a2f7c11';

describe('the account', () => {
  let database: TestDatabase;
  let db: Database;
  let app: BackendUnderTest;
  let anna: SignedIn;
  let eve: SignedIn;
  let people = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await db('rate_limits').delete();
    app = createBackendUnderTest(db, database.url);
    people += 1;
    anna = await signIn('anna');
    eve = await signIn('eve');
  });

  async function signIn(who: string, userAgent = 'test'): Promise<SignedIn> {
    const subject = `${who}-${people}`;
    const identity = { subject, email: `${subject}@example.com`, emailVerified: true, name: who };
    const { body } = await request(app.server)
      .post('/api/auth/app-token')
      .set('User-Agent', userAgent)
      .send({ provider: 'google', id_token: JSON.stringify(identity) })
      .expect(200);
    return signedInSchema.parse(body);
  }
  type Method = 'get' | 'post' | 'patch' | 'delete';
  const ask = (method: Method, path: string, { access_token }: SignedIn) =>
    request(app.server)
      [method](`/api/account${path}`)
      .set('Authorization', `Bearer ${access_token}`)
      .set('X-Request-Id', 'test');

  describe('profile', () => {
    it('shows who one is and how one signs in', async () => {
      const { body } = await ask('get', '', anna).expect(200);
      expect(accountSchema.parse(body)).toMatchObject({
        id: anna.user.id,
        email: `anna-${people}@example.com`,
        email_verified: true,
        display_name: 'anna',
        identities: [{ provider: 'google' }],
        consents: { adult_declared: { given: false, at: null }, ai_features: { given: false, at: null } },
      });
      await request(app.server).get('/api/account').expect(401);
    });

    it('refuses a query, which it takes none of, so that nobody waits for what it asks', async () => {
      const { body } = await ask('get', '?cursor=x', anna).expect(400);
      expect(body.error).toMatchObject({
        code: 'invalid_request',
        details: [{ path: 'query.cursor', message: 'Unknown field' }],
      });
    });

    it('takes a name and consents, each with its time, and says so in the audit log', async () => {
      const change = {
        display_name: ' Anna K. ',
        consents: { adult_declared: true, ai_features: true, marketing: false },
      };
      const { body } = await ask('patch', '', anna).send(change).expect(200);
      const at = '2026-11-20T12:00:00.000Z';
      expect(body).toMatchObject({
        display_name: 'Anna K.',
        consents: {
          adult_declared: { given: true, at },
          ai_features: { given: true, at },
          marketing: { given: false, at },
        },
      });
      expect((await ask('get', '', anna).expect(200)).body).toEqual(body);
      const row = await db('audit_log').where({ action: 'account.update', actor_id: anna.user.id }).first();
      expect(row.details).toEqual({ renamed: true, consents: change.consents });
      await ask('patch', '', anna).send({ display_name: null }).expect(200);
    });

    it('counts a withdrawal at once, and keeps what was said before', async () => {
      const consent = () => hasConsented(db, anna.user.id, 'ai_features');
      expect(await consent()).toBe(false);
      for (const ai_features of [true, true, false]) {
        await ask('patch', '', anna).send({ consents: { ai_features } }).expect(200);
        expect(await consent()).toBe(ai_features);
        app.clock.advance(1_000);
      }
      const history = db('account_consents').where({ user_id: anna.user.id }).orderBy('id').pluck('given');
      expect(await history).toEqual([true, false]);
      expect(await hasConsented(db, eve.user.id, 'ai_features')).toBe(false);
    });

    it.each([
      ['nothing', {}],
      ['no consent', { consents: {} }],
      ['a role', { role: 'admin' }],
      ['an id', { id: unknownId, display_name: 'Anna' }],
      ['an address', { email: 'other@example.com' }],
      ['a proof of the address', { email_verified: true, display_name: 'Anna' }],
      ['the state of the account', { status: 'disabled', display_name: 'Anna' }],
      ['a time of consent', { consents: { marketing: { given: true, at: '2020-01-01T00:00:00Z' } } }],
      ['an unknown consent', { consents: { everything: true } }],
      ['a declaration taken back', { consents: { adult_declared: false } }],
      ['an empty name', { display_name: '  ' }],
      ['a name with a line break', { display_name: 'Anna\nK' }],
    ])('refuses %s', async (_what, body) => {
      const before = (await ask('get', '', anna).expect(200)).body;
      const answer = await ask('patch', '', anna).send(body).expect(400);
      expect(answer.body.error.code).toBe('invalid_request');
      expect((await ask('get', '', anna).expect(200)).body).toEqual(before);
    });
  });

  describe('orders', () => {
    const order = (userId: string, at = app.clock.now()) =>
      seedOrder(db, { userId, email: 'x@example.com', name: 'X', at });

    it('come in pages, newest first, and none twice', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) {
        if (i % 2 === 0) app.clock.advance(1_000);
        ids.push(await order(anna.user.id));
      }
      await order(eve.user.id);
      const listed: string[] = [];
      let cursor: string | null = null;
      do {
        const path: string = `/orders?limit=2${cursor === null ? '' : `&cursor=${cursor}`}`;
        const page = orderPageSchema.parse((await ask('get', path, anna).expect(200)).body);
        listed.push(...page.orders.map(({ id }) => id));
        cursor = page.next_cursor;
      } while (cursor !== null);
      expect(listed).toHaveLength(5);
      expect(new Set(listed)).toEqual(new Set(ids));
      expect(listed[0]).toBe(ids[4]);
      await ask('get', '/orders?cursor=bm9uc2Vuc2U', anna).expect(400);
    });

    it('are shown to who placed them, and to others exactly as unknown ones', async () => {
      const id = await order(anna.user.id);
      expect((await ask('get', `/orders/${id}`, anna).expect(200)).body).toMatchObject({
        id,
        status: 'paid',
        total_minor: 19_900,
        items: [{ sku: 'N4K-WHITE' }],
      });
      const guests = await seedOrder(db, { userId: null, email: null, name: '', at: app.clock.now() });
      const answers = [];
      for (const wanted of [id, unknownId, guests, 'nonsense', '%00'])
        answers.push(await ask('get', `/orders/${wanted}`, eve).expect(404));
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      expect(answers[0]?.body.error.code).toBe('order_not_found');
    });
  });

  describe('sessions', () => {
    it('are listed with the one that asks marked, those that are over left out', async () => {
      app.clock.advance(1_000);
      const phone = await signIn('anna', 'AOVIS/2.4 (iPhone)');
      const { body } = await ask('get', '/sessions', phone).expect(200);
      expect(body.sessions).toMatchObject([
        { user_agent: 'AOVIS/2.4 (iPhone)', method: 'google', current: true },
        { user_agent: 'test', current: false },
      ]);
      await ask('delete', `/sessions/${body.sessions[1].id}`, phone).expect(200, { revoked: 1 });
      await ask('get', '', anna).expect(401);
      expect((await ask('get', '/sessions', phone).expect(200)).body.sessions).toHaveLength(1);
      app.clock.advance(400 * 86_400_000);
      await ask('get', '', phone).expect(401);
    });

    it('come in pages', async () => {
      for (let i = 0; i < 2; i++) await signIn('anna');
      const first = (await ask('get', '/sessions?limit=2', anna).expect(200)).body;
      const rest = await ask('get', `/sessions?limit=2&cursor=${first.next_cursor}`, anna).expect(200);
      expect(rest.body.next_cursor).toBeNull();
      const ids = [...first.sessions, ...rest.body.sessions].map(({ id }: { id: string }) => id);
      expect(new Set(ids).size).toBe(3);
    });

    it('of others are exactly as unknown ones, and stay open', async () => {
      const { body } = await ask('get', '/sessions', anna).expect(200);
      const answers = [];
      for (const wanted of [body.sessions[0].id, unknownId, 'nonsense', '%00'])
        answers.push(await ask('delete', `/sessions/${wanted}`, eve).expect(404));
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      await ask('get', '', anna).expect(200);
    });

    it('all end at once, access tokens that have not expired and refresh tokens too', async () => {
      const others = [await signIn('anna'), await signIn('anna')];
      await ask('post', '/sessions/revoke-all', anna)
        .send({ keep_current: true })
        .expect(200, { revoked: 2 });
      for (const other of others) {
        await ask('get', '', other).expect(401);
        const refresh = request(app.server).post('/api/auth/app-token/refresh');
        await refresh.send({ refresh_token: other.refresh_token }).expect(401);
      }
      await ask('get', '', anna).expect(200);
      await ask('post', '/sessions/revoke-all', anna).send({}).expect(200, { revoked: 1 });
      await ask('get', '', anna).expect(401);
      await ask('get', '', eve).expect(200);
    });
  });

  describe('export', () => {
    it('is one JSON document under a name of its own', async () => {
      const answer = await ask('post', '/export', anna)
        .expect(200)
        .expect('Content-Type', /^application\/json/);
      expect(answer.headers['content-disposition']).toBe(
        'attachment; filename="aovis-account-2026-11-20.json"',
      );
      expect(answer.headers['cache-control']).toBe('no-store');
      const { sections } = accountExportSchema.parse(answer.body);
      expect(sections.profile).toMatchObject([{ id: anna.user.id, display_name: 'anna' }]);
      expect(sections.audit?.map(({ action }) => action)).toEqual(['session.open', 'account.export']);
      expect(answer.text).not.toContain(eve.user.id);
    });

    it('is refused the sixth time within an hour, to this person alone', async () => {
      for (let i = 0; i < 5; i++) await ask('post', '/export', anna).expect(200);
      const answer = await ask('post', '/export', anna).expect(429);
      expect(answer.body.error.code).toBe('rate_limited');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(3_000);
      await ask('post', '/export', eve).expect(200);
    });
  });

  describe('end', () => {
    it('takes a recent sign-in; then every token is worthless, and a later sign-in is a new account', async () => {
      await ask('patch', '', anna)
        .send({ consents: { ai_features: true } })
        .expect(200);
      app.clock.advance(601_000);
      const refused = await ask('delete', '', anna).expect(403);
      expect(refused.body.error).toMatchObject({
        code: 'fresh_sign_in_required',
        details: { max_age_seconds: 600 },
      });

      const fresh = await signIn('anna');
      const { body } = await ask('delete', '', fresh).expect(200);
      expect(body).toEqual({ deleted_at: app.clock.now().toISOString() });
      for (const token of [fresh, anna]) await ask('get', '', token).expect(401);
      await ask('delete', '', fresh).expect(401);
      const refresh = request(app.server).post('/api/auth/app-token/refresh');
      await refresh.send({ refresh_token: fresh.refresh_token }).expect(401);

      const again = await signIn('anna');
      expect(again.user.id).not.toBe(anna.user.id);
      const { body: profile } = await ask('get', '', again).expect(200);
      expect(profile.consents.ai_features).toEqual({ given: false, at: null });
    });

    it('does not come from a refreshed token: that proves nothing new', async () => {
      app.clock.advance(601_000);
      const refresh = request(app.server).post('/api/auth/app-token/refresh');
      const { body: pair } = await refresh.send({ refresh_token: anna.refresh_token }).expect(200);
      await ask('delete', '', { ...anna, ...pair }).expect(403);
    });

    it('writes neither name nor address to the log', async () => {
      await ask('post', '/export', anna).expect(200);
      await ask('delete', '', anna).expect(200);
      expect(app.logged()).not.toContain(`anna-${people}@example.com`);
    });
  });
});
