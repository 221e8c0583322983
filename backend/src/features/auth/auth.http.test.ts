import { type SignedIn, signedInSchema, type TokenPair } from '@aovis/contracts/http/auth';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { type BackendUnderTest, createBackendUnderTest } from '../../testing/backend-under-test.ts';
import { verifyAuditLog } from '../audit/audit-verification.ts';

const identity = { subject: 'g-1', email: 'ada@example.com', emailVerified: true, name: 'Ada' };
const idToken = (change: object = {}): string => JSON.stringify({ ...identity, ...change });

describe('signing in', () => {
  let database: TestDatabase;
  let one: BackendUnderTest;
  let two: BackendUnderTest;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await database.knex('users').delete();
    await database.knex('magic_links').delete();
    await database.knex('rate_limits').delete();
    one = createBackendUnderTest(database.knex, database.url);
    two = createBackendUnderTest(database.knex, database.url);
    await one.backend.start();
  });
  afterEach(() => one.backend.stop());

  const post = (path: string, body: object, app = one) =>
    request(app.server).post(`/api/auth/${path}`).send(body);
  const signIn = async (change: object = {}, provider = 'google'): Promise<SignedIn> => {
    const { body } = await post('app-token', { provider, id_token: idToken(change) }).expect(200);
    return signedInSchema.parse(body);
  };
  const devices = (token: string, app = one) =>
    request(app.server).get('/api/devices').set('Authorization', `Bearer ${token}`);
  const refresh = (token: string, app = one) => post('app-token/refresh', { refresh_token: token }, app);
  const auditActions = (): Promise<string[]> => database.knex('audit_log').orderBy('seq').pluck('action');

  describe('POST /api/auth/app-token', () => {
    it('signs in, and the access token opens what is closed to strangers', async () => {
      const { access_token: token, user, expires_in: seconds } = await signIn();
      expect(user).toMatchObject({ email: 'ada@example.com', display_name: 'Ada' });
      expect(seconds).toBe(900);
      await devices(token).expect(200);
      await request(one.server).get('/api/devices').expect(401);
    });

    it.each([
      ['nothing', {}, 400, 'missing_fields'],
      ['no token', { provider: 'google' }, 400, 'missing_fields'],
      ['an empty token', { provider: 'google', id_token: '' }, 400, 'missing_fields'],
      ['missing before unknown', { provider: 'facebook' }, 400, 'missing_fields'],
      ['an unknown provider', { provider: 'facebook', id_token: 'x' }, 400, 'invalid_provider'],
      ['a bad token', { provider: 'google', id_token: 'x' }, 401, 'invalid_token'],
      ['an unknown field', { provider: 'google', id_token: 'x', role: 'admin' }, 400, 'invalid_request'],
      ['a list', [], 400, 'invalid_request'],
    ])('answers %s as agreed', async (_what, body, status, code) => {
      const answer = await post('app-token', body).expect(status);
      expect(answer.body.error.code).toBe(code);
    });

    it('knows a user by provider and subject, not by address', async () => {
      const first = await signIn();
      const same = await signIn({ email: 'new@example.com' });
      const other = await signIn({ subject: 'g-2', email: 'ada@example.com', emailVerified: false });
      expect(same.user.id).toBe(first.user.id);
      expect(other.user.id).not.toBe(first.user.id);
    });

    it('joins two identities by address only when both proved it', async () => {
      const google = await signIn();
      const apple = await signIn({ subject: 'a-1' }, 'apple');
      expect(apple.user.id).toBe(google.user.id);

      const unproved = await signIn({ subject: 'g-3', email: 'eve@example.com', emailVerified: false });
      const owner = await signIn({ subject: 'a-3', email: 'eve@example.com' }, 'apple');
      expect(owner.user.id).not.toBe(unproved.user.id);
    });

    it('makes one user when the same identity signs in many times at once', async () => {
      const all = await Promise.all(Array.from({ length: 8 }, () => signIn()));
      expect(new Set(all.map(({ user }) => user.id)).size).toBe(1);
    });

    it('refuses a closed account, and its tokens at once', async () => {
      const { access_token: access, refresh_token: token, user } = await signIn();
      await database.knex('users').where({ id: user.id }).update({ status: 'disabled' });
      await post('app-token', { provider: 'google', id_token: idToken() }).expect(401);
      await devices(access).expect(401);
      await refresh(token).expect(401);
    });
  });

  describe('sessions', () => {
    it('end on every instance at once when they are revoked', async () => {
      const { access_token: access, refresh_token: token } = await signIn();
      await devices(access, two).expect(200);
      const { body } = await request(two.server)
        .delete('/api/auth/app-token')
        .set('Authorization', `Bearer ${access}`)
        .expect(200);
      expect(body).toEqual({ revoked: true });
      await devices(access, one).expect(401);
      await devices(access, two).expect(401);
      await refresh(token, one).expect(401);
    });

    it('leave the other sessions of the user alone', async () => {
      const phone = await signIn();
      const tablet = await signIn();
      await request(one.server)
        .delete('/api/auth/app-token')
        .set('Authorization', `Bearer ${phone.access_token}`);
      await devices(tablet.access_token).expect(200);
    });

    it('do not take a refresh token for an access token', async () => {
      const { refresh_token: token } = await signIn();
      await devices(token).expect(401);
    });

    it('end when their time is over', async () => {
      const { refresh_token: token } = await signIn();
      one.clock.advance(90 * 86_400_000);
      await refresh(token).expect(401);
    });
  });

  describe('POST /api/auth/app-token/refresh', () => {
    it('gives a new pair each time', async () => {
      let { refresh_token: token } = await signIn();
      for (let i = 0; i < 3; i++) {
        const { body } = await refresh(token).expect(200);
        expect(body.refresh_token).not.toBe(token);
        await devices(body.access_token).expect(200);
        token = body.refresh_token;
      }
    });

    it('gives 50 that ask at once, on two instances, the same successor', async () => {
      const { refresh_token: token } = await signIn();
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) => refresh(token, i % 2 ? one : two)),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200));
      const successors = new Set(answers.map(({ body }) => (body as TokenPair).refresh_token));
      expect(successors.size).toBe(1);
      await refresh([...successors][0] as string).expect(200);
    });

    it('repeats the successor within ten seconds, and ends the family later', async () => {
      const { refresh_token: first } = await signIn();
      const { body: second } = await refresh(first).expect(200);
      one.clock.advance(10_000);
      expect((await refresh(first).expect(200)).body.refresh_token).toBe(second.refresh_token);
      one.clock.advance(1);
      await refresh(first).expect(401);
      await refresh(second.refresh_token).expect(401);
      await devices(second.access_token).expect(401);
      expect(await auditActions()).toContain('session.refresh');
    });

    it('ends the family at once when the successor was used already', async () => {
      const { refresh_token: first } = await signIn();
      const { body: second } = await refresh(first).expect(200);
      const { body: third } = await refresh(second.refresh_token).expect(200);
      await refresh(first).expect(401);
      await refresh(third.refresh_token).expect(401);
    });

    it('answers what it does not know or get', async () => {
      expect((await refresh('unknown').expect(401)).body.error.code).toBe('invalid_token');
      expect((await post('app-token/refresh', {}).expect(400)).body.error.code).toBe('missing_fields');
    });
  });

  describe('magic links', () => {
    const ask = async (email: string): Promise<string> => {
      const { body } = await post('app-magic-link', { email }).expect(202);
      return body.request_secret;
    };
    const mailedToken = async (): Promise<string> => {
      const { text } = await one.mailer.next();
      return /#token=([\w-]{43})/.exec(text)?.[1] ?? 'no token in the mail';
    };
    const verify = (token: string, secret: string | undefined, app = one) =>
      post('app-magic-link/verify', { token, request_secret: secret }, app);

    it('sign in who asked, with the token of the mail', async () => {
      const secret = await ask(' Ada@Example.com ');
      const { body } = await verify(await mailedToken(), secret).expect(200);
      expect(signedInSchema.parse(body).user.email).toBe('ada@example.com');
      await devices(body.access_token).expect(200);
    });

    it('lead to the same user as a provider that proved the address', async () => {
      const { user } = await signIn();
      const secret = await ask('ada@example.com');
      const { body } = await verify(await mailedToken(), secret).expect(200);
      expect(body.user.id).toBe(user.id);
    });

    it('answer alike for known and unknown addresses', async () => {
      await signIn();
      const known = await post('app-magic-link', { email: 'ada@example.com' }).expect(202);
      const unknown = await post('app-magic-link', { email: 'nobody@example.com' }).expect(202);
      const shape = ({ body }: { body: Record<string, unknown> }) => ({ ...body, request_secret: '' });
      expect(shape(known)).toEqual(shape(unknown));
      expect(known.headers['content-length']).toBe(unknown.headers['content-length']);
    });

    it('work once, for exactly one of many at once', async () => {
      const secret = await ask('ada@example.com');
      const token = await mailedToken();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => verify(token, secret, i % 2 ? one : two)),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(answers.filter(({ body }) => body.error?.code === 'invalid_token')).toHaveLength(19);
    });

    it('work only for who asked: with the secret in the body, or as the cookie', async () => {
      const answer = await post('app-magic-link', { email: 'ada@example.com' }).expect(202);
      const token = await mailedToken();
      await verify(token, undefined).expect(401);
      await verify(token, 'x'.repeat(43)).expect(401);
      const cookie = String(answer.headers['set-cookie']);
      expect(cookie).toMatch(
        /^__Host-aovis_magic_link=.{43}; Path=\/; Max-Age=600; Secure; HttpOnly; SameSite=Lax$/,
      );
      await verify(token, undefined)
        .set('Cookie', cookie.split(';')[0] as string)
        .expect(200);
    });

    it('expire after ten minutes', async () => {
      const secret = await ask('ada@example.com');
      const token = await mailedToken();
      one.clock.advance(600_000);
      await verify(token, secret).expect(401);
    });

    it('become worthless when a new one is asked for', async () => {
      const first = await ask('ada@example.com');
      const token = await mailedToken();
      const second = await ask('ada@example.com');
      await verify(token, first).expect(401);
      await verify(await mailedToken(), second).expect(200);
    });

    it('are not used up by opening the page', async () => {
      const secret = await ask('ada@example.com');
      const token = await mailedToken();
      const page = await request(one.server).get('/auth/magic-link').expect(200);
      expect(page.text).toContain('<button');
      await request(one.server).get(`/api/auth/app-magic-link/verify?token=${token}`).expect(405);
      await verify(token, secret).expect(200);
    });

    it.each([
      ['nothing', {}, 'missing_fields'],
      ['an empty address', { email: '' }, 'missing_fields'],
      ['no address', { email: 'ada' }, 'invalid_email'],
      ['a header in the address', { email: 'a@b.example\r\nBcc: c@d.example' }, 'invalid_email'],
      ['two addresses', { email: 'a@b.example, c@d.example' }, 'invalid_email'],
    ])('are not sent for %s', async (_what, body, code) => {
      expect((await post('app-magic-link', body).expect(400)).body.error.code).toBe(code);
      expect(await database.knex('magic_links').first()).toBeUndefined();
    });

    it('are limited for each address, on all instances together', async () => {
      for (let i = 0; i < 5; i++)
        await post('app-magic-link', { email: 'ada@example.com' }, i % 2 ? one : two).expect(202);
      const answer = await post('app-magic-link', { email: ' ADA@example.com' }, two).expect(429);
      expect(answer.body.error.code).toBe('rate_limited');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      await post('app-magic-link', { email: 'eve@example.com' }, two).expect(202);
    });

    it.each([
      ['the key twice', (email: string, i: number) => `{"email":"a${i}@example.com","email":"${email}"}`],
      ['an escaped key', (email: string) => `{"\\u0065mail":"${email}"}`],
      ['an escaped address', (email: string) => `{"email":"${email.replace('@', '\\u0040')}"}`],
      ['spaces around it', (email: string, i: number) => `{"email":"${' '.repeat(400 + i)}${email}"}`],
    ])('are limited for an address sent with %s', async (what, bodyOf) => {
      const email = `${what.replaceAll(' ', '-')}@example.com`;
      const statuses: number[] = [];
      for (let i = 0; i < 6; i++) {
        const test = request(one.server).post('/api/auth/app-magic-link').type('json');
        statuses.push((await test.send(bodyOf(email, i))).status);
      }
      expect(statuses).toEqual([202, 202, 202, 202, 202, 429]);
    });
  });

  it('leaves no token and no secret in the log or the database, and an audit log that verifies', async () => {
    const { access_token: access, refresh_token: token } = await signIn();
    const { body: pair } = await refresh(token).expect(200);
    const { body: asked } = await post('app-magic-link', { email: 'canary@example.com' }).expect(202);
    const [, mailed] = /#token=([\w-]{43})/.exec((await one.mailer.next()).text) ?? [];
    await post('app-magic-link/verify', { token: mailed, request_secret: 'wrong' }).expect(401);
    await post('app-magic-link/verify', { token: mailed, request_secret: asked.request_secret }).expect(200);
    await refresh('canary-unknown-refresh-token').expect(401);
    await devices('canary-access-token').expect(401);
    await post('app-token', { provider: 'google', id_token: 'canary-id-token' }).expect(401);
    await request(one.server).post('/api/devices/activate/canary-code-typed-into-the-path').expect(404);

    const secrets = [
      access,
      token,
      pair.access_token,
      pair.refresh_token,
      asked.request_secret,
      mailed,
      'canary',
    ];
    const { rows } = await database.knex.raw<{ rows: { table: string }[] }>(
      `SELECT relname AS table FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
    );
    const contents = await Promise.all(
      rows.map(async ({ table }) =>
        JSON.stringify((await database.knex.raw('SELECT t::text FROM ?? t', [table])).rows),
      ),
    );
    const stored = contents.join('\n').replaceAll('canary@example.com', '');
    for (const secret of secrets) {
      expect(one.logged()).not.toContain(secret);
      expect(stored).not.toContain(secret);
    }
    expect(one.logged()).toContain('/api/auth/app-token');
    expect(await verifyAuditLog(database.knex)).toMatchObject({ ok: true });
  });
});
