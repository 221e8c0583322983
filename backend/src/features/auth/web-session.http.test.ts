import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { type BackendUnderTest, createBackendUnderTest } from '../../testing/backend-under-test.ts';

const ownOrigin = 'http://127.0.0.1';
const identity = { subject: 'g-1', email: 'anna@example.com', emailVerified: true, name: 'Anna' };
const proof = { provider: 'google', id_token: JSON.stringify(identity) };

describe('a browser’s session', () => {
  let database: TestDatabase;
  let app: BackendUnderTest;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    app = createBackendUnderTest(database.knex, database.url);
    await database.knex('rate_limits').delete();
  });

  const open = (body: object = proof, origin: string | null = ownOrigin) => {
    const asked = request(app.server).post('/api/auth/web-session');
    return (origin === null ? asked : asked.set('Origin', origin)).send(body);
  };
  const cookieOf = (answer: request.Response): string =>
    (answer.headers['set-cookie'] as unknown as string[])[0]?.split(';')[0] ?? '';
  const signedIn = async (): Promise<string> => cookieOf(await open().expect(200));
  const rename = (cookie: string, headers: Record<string, string>) =>
    request(app.server)
      .patch('/api/account')
      .set('Cookie', cookie)
      .set(headers)
      .send({ display_name: 'Anna' });
  const codeOf = ({ body }: request.Response): unknown => (body as { error?: { code: string } }).error?.code;

  it('opens what is closed to strangers, and is nowhere in clear', async () => {
    const answer = await open().expect(200);
    expect(answer.body).toMatchObject({ user: { email: 'anna@example.com' } });
    const [written] = answer.headers['set-cookie'] as unknown as string[];
    expect(written).toMatch(/^aovis_session=[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/);
    const cookie = cookieOf(answer);
    await request(app.server).get('/api/account').set('Cookie', cookie).expect(200);
    const stored = JSON.stringify(await database.knex('sessions'));
    expect(stored).not.toContain(cookie.split('=')[1]);
    expect(app.logged()).not.toContain(cookie.split('=')[1]);
  });

  it('is one of the host alone, over TLS alone, wherever there is TLS', async () => {
    const secure = createBackendUnderTest(database.knex, database.url, {
      AOVIS_PUBLIC_URL: 'https://api.example.com',
    });
    const answer = await request(secure.server)
      .post('/api/auth/web-session')
      .set('Origin', 'https://api.example.com')
      .send(proof)
      .expect(200);
    const [written] = answer.headers['set-cookie'] as unknown as string[];
    expect(written).toMatch(
      /^__Host-aovis_session=[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
    const plain = cookieOf(answer).replace('__Host-', '');
    await request(secure.server).get('/api/account').set('Cookie', plain).expect(401);
    await request(secure.server).get('/api/account').set('Cookie', cookieOf(answer)).expect(200);
  });

  it.each<[string, Record<string, string>, number]>([
    ['a page of ours', { Origin: ownOrigin }, 200],
    ['a page of ours that names no origin', { 'Sec-Fetch-Site': 'same-origin' }, 200],
    ['a page of another origin', { Origin: 'https://evil.example' }, 403],
    [
      'a page of another origin that says it is ours',
      { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'same-origin' },
      403,
    ],
    ['a page of a sister host', { 'Sec-Fetch-Site': 'same-site' }, 403],
    ['a frame without an origin', { Origin: 'null' }, 403],
    ['nobody knows where', {}, 403],
  ])('changes something for %s: %j → %d', async (_page, headers, status) => {
    const answer = await rename(await signedIn(), headers);
    expect(answer.status).toBe(status);
    if (status === 403) expect(codeOf(answer)).toBe('csrf_refused');
  });

  it('changes nothing by a form', async () => {
    const cookie = await signedIn();
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      const answer = await request(app.server)
        .post('/api/account/sessions/revoke-all')
        .set('Cookie', cookie)
        .set('Origin', ownOrigin)
        .set('Content-Type', type)
        .send('{"keep_current":false}');
      expect(answer.status).toBe(415);
    }
    await request(app.server).get('/api/account').set('Cookie', cookie).expect(200);
  });

  it('is opened by no other page: nobody is signed in as somebody else', async () => {
    for (const origin of ['https://evil.example', 'null'])
      expect(codeOf(await open(proof, origin))).toBe('csrf_refused');
    expect(codeOf(await open(proof, null))).toBe('csrf_refused');
  });

  it('is not looked at beside a token, good or bad', async () => {
    const cookie = await signedIn();
    const withToken = (token: string) =>
      request(app.server).get('/api/account').set('Cookie', cookie).set('Authorization', `Bearer ${token}`);
    await withToken('nonsense').expect(401);
    const { body } = await request(app.server)
      .post('/api/auth/app-token')
      .send({
        provider: 'google',
        id_token: JSON.stringify({ ...identity, subject: 'g-2', email: 'ben@example.com' }),
      });
    expect((await withToken(body.access_token as string).expect(200)).body).toMatchObject({
      email: 'ben@example.com',
    });
  });

  it('counts where signing in is optional; an old one makes a guest, not an error', async () => {
    const status = (cookie: string) =>
      request(app.server).get('/api/checkout/success?session_id=cs_test_x').set('Cookie', cookie);
    const cookie = await signedIn();
    await status(cookie).expect(200);
    await status(`aovis_session=${'x'.repeat(43)}`).expect(200);
    const order = await request(app.server)
      .post('/api/checkout')
      .set('Cookie', cookie)
      .set('Origin', 'https://evil.example')
      .send({ items: [] });
    expect(codeOf(order)).toBe('csrf_refused');
  });

  it.each(['two of them', 'a long one', 'none'])('is no session when the cookie is %s', async (kind) => {
    const cookie = await signedIn();
    const cookies = {
      'two of them': `${cookie}; ${cookie}`,
      'a long one': `${cookie}x`,
      none: 'aovis_session=',
    };
    await request(app.server)
      .get('/api/account')
      .set('Cookie', cookies[kind as keyof typeof cookies])
      .expect(401);
  });

  it('ends at its own word, and with all the others, at once', async () => {
    const [first, second] = [await signedIn(), await signedIn()];
    const closed = await request(app.server)
      .delete('/api/auth/web-session')
      .set('Cookie', first)
      .set('Origin', ownOrigin)
      .expect(200);
    expect((closed.headers['set-cookie'] as unknown as string[])[0]).toMatch(
      /^aovis_session=; Max-Age=0; Path=\//,
    );
    await request(app.server).get('/api/account').set('Cookie', first).expect(401);
    await request(app.server)
      .post('/api/account/sessions/revoke-all')
      .set('Cookie', second)
      .set('Origin', ownOrigin)
      .send({ keep_current: false })
      .expect(200);
    await request(app.server).get('/api/account').set('Cookie', second).expect(401);
  });

  it('is over when its time is', async () => {
    const cookie = await signedIn();
    app.clock.advance(91 * 86_400_000);
    await request(app.server).get('/api/account').set('Cookie', cookie).expect(401);
  });

  it('comes from a mailed link in the browser that asked for it', async () => {
    await app.backend.start();
    try {
      const asked = await request(app.server)
        .post('/api/auth/app-magic-link')
        .send({ email: 'carl@example.com' });
      const binding = cookieOf(asked);
      const [, token] = /#token=([\w-]+)/.exec((await app.mailer.next()).text) ?? [];
      expect(codeOf(await open({ token }))).toBe('invalid_token');
      const here = request(app.server)
        .post('/api/auth/web-session')
        .set('Origin', ownOrigin)
        .set('Cookie', binding);
      const answers = await Promise.all([here.send({ token }), open({ token }).set('Cookie', binding)]);
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401]);
    } finally {
      await app.backend.stop();
    }
  });

  it.each([
    [{}, 'missing_fields'],
    [{ provider: 'google' }, 'missing_fields'],
    [{ provider: 'myspace', id_token: 'x' }, 'invalid_provider'],
    [{ provider: 'google', id_token: 'x' }, 'invalid_token'],
    [{ token: 'x' }, 'invalid_token'],
  ])('is not opened by %j', async (body, code) => {
    expect(codeOf(await open(body))).toBe(code);
  });
});
