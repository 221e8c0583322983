import { errorBodySchema, problemBodySchema } from '@aovis/contracts/http/common';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { type BackendUnderTest, createBackendUnderTest } from '../testing/backend-under-test.ts';
import { apiContracts } from './api-contracts.ts';
import { openApiDocument } from './openapi.ts';

describe('every request', () => {
  let database: TestDatabase;
  let app: BackendUnderTest;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = createBackendUnderTest(database.knex, database.url, {
      AOVIS_CORS_ORIGINS: 'https://shop.example',
      AOVIS_TRUST_PROXY: '1',
    });
  });
  afterAll(() => database.drop());

  const verify = () => request(app.server).post('/api/auth/app-magic-link/verify');

  it('gets an id: its own when that is well-formed, else a new one, on the answer and in the log', async () => {
    const own = await request(app.server).get('/health').set('X-Request-Id', 'app-1.2_3').expect(200);
    expect(own.headers['x-request-id']).toBe('app-1.2_3');
    for (const bad of ['a b', 'x'.repeat(129), '<script>', 'ü']) {
      const answer = await request(app.server)
        .get('/nothing')
        .set('X-Request-Id', encodeURIComponent(bad))
        .expect(404);
      expect(answer.body.error.request_id).toBe(answer.headers['x-request-id']);
    }
    expect(app.logged()).toContain('"requestId":"app-1.2_3"');
  });

  it('gets safe headers, and no word on what we are made of', async () => {
    const { headers } = await request(app.server).get('/api/devices').expect(401);
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'strict-transport-security': expect.stringContaining('max-age='),
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'www-authenticate': 'Bearer',
    });
    expect(headers['x-powered-by']).toBeUndefined();
  });

  it.each([
    ['a body that is no JSON', '{"token":', 400, 'invalid_json'],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 400, 'invalid_json'],
    ['an empty body', '', 400, 'invalid_json'],
    ['no object', '"text"', 400, 'invalid_request'],
    ['another type', '{"token":7}', 400, 'invalid_request'],
    ['unknown fields', '{"token":"x","admin":true}', 400, 'invalid_request'],
    ['__proto__', '{"__proto__":{"token":"x"}}', 400, 'invalid_request'],
    ['deep nesting', `${'['.repeat(40)}${']'.repeat(40)}`, 400, 'invalid_request'],
    ['a long list', JSON.stringify(Array.from({ length: 10_001 }, () => 0)), 400, 'invalid_request'],
    ['a large body', JSON.stringify({ token: 'x'.repeat(256 * 1024) }), 413, 'payload_too_large'],
  ])('with %s is refused', async (_what, body, status, code) => {
    const answer = await verify()
      .set('Content-Type', 'application/json')
      .serialize((bytes: unknown) => bytes as string)
      .send(body)
      .expect(status);
    expect(errorBodySchema.parse(answer.body).error.code).toBe(code);
  });

  it('may come to what is public with what others append to links', async () => {
    await request(app.server).get('/api/store/products?utm_source=mail').expect(200);
  });

  it('says what is wrong with an address that cannot be read', async () => {
    const { body } = await request(app.server).get('/api/devices/%E0%A4%A').expect(400);
    expect(body.error).toMatchObject({
      code: 'invalid_request',
      details: [{ path: 'params', message: 'The address is no percent-encoded UTF-8' }],
    });
  });

  it('names each unknown field', async () => {
    const { body } = await verify().send({ token: 'x', admin: true, role: 'r' }).expect(400);
    expect(body.error.details).toEqual([
      { path: 'body.admin', message: 'Unknown field' },
      { path: 'body.role', message: 'Unknown field' },
    ]);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'with content type %s is refused',
    async (type) => {
      const answer = await verify().set('Content-Type', type).send('{"token":"x"}').expect(415);
      expect(answer.body.error.code).toBe('unsupported_media_type');
    },
  );

  it.each(['gzip', 'br', 'zstd', 'deflate'])('may not compress its body with %s', async (encoding) => {
    const answer = await verify().type('json').set('Content-Encoding', encoding).send('{}').expect(415);
    expect(answer.body.error.code).toBe('unsupported_media_type');
  });

  it('is told which methods there are', async () => {
    const wrong = await request(app.server).put('/api/auth/app-token').expect(405);
    expect(wrong.headers.allow?.split(', ').sort()).toEqual(['DELETE', 'POST']);
    expect((await request(app.server).trace('/api/devices').expect(405)).headers.allow).toBe('GET, HEAD');
    await request(app.server).head('/health').expect(200);
    expect((await request(app.server).get('/api/nothing').expect(404)).body.error.code).toBe('not_found');
    expect((await request(app.server).get('/api/devices/%zz').expect(400)).body.error.code).toBe(
      'invalid_request',
    );
  });

  it('may have its refusals as problem details', async () => {
    const answer = await request(app.server)
      .get('/nothing')
      .set('Accept', 'application/problem+json')
      .expect(404);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(problemBodySchema.parse(JSON.parse(answer.text))).toMatchObject({
      code: 'not_found',
      status: 404,
    });
    const either = await request(app.server).get('/nothing').set('Accept', '*/*').expect(404);
    expect(errorBodySchema.parse(either.body).error.code).toBe('not_found');
  });

  it('from a known origin is allowed across origins, from others not, and never with cookies', async () => {
    const known = await request(app.server).get('/health').set('Origin', 'https://shop.example').expect(200);
    expect(known.headers['access-control-allow-origin']).toBe('https://shop.example');
    expect(known.headers.vary).toContain('Origin');
    for (const origin of ['https://shop.example.evil.example', 'http://shop.example', 'null']) {
      const { headers } = await request(app.server).get('/health').set('Origin', origin).expect(200);
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
    const preflight = await request(app.server)
      .options('/api/devices')
      .set('Origin', 'https://shop.example')
      .set('Access-Control-Request-Method', 'GET')
      .expect(204);
    expect(preflight.headers['access-control-allow-methods']).toContain('GET');
    expect(preflight.headers['access-control-allow-credentials']).toBeUndefined();
  });

  it('cannot put lines of its own into the log', async () => {
    await request(app.server).get('/api/x%0a%1b[31m{"level":"error"}').expect(404);
    for (const line of app.logged().trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
    expect(app.logged()).not.toContain('\u001b');
  });
});

describe('limits', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  const signIn = (app: BackendUnderTest, forwardedFor: string) =>
    request(app.server)
      .post('/api/auth/app-magic-link/verify')
      .set('X-Forwarded-For', forwardedFor)
      .send({ token: 'x' });

  it('count for all instances of one database together, by the address behind the proxy', async () => {
    const behindProxy = { AOVIS_TRUST_PROXY: '1' };
    const [one, two] = [1, 2].map(() => createBackendUnderTest(database.knex, database.url, behindProxy)) as [
      BackendUnderTest,
      BackendUnderTest,
    ];
    const answers = await Promise.all(
      Array.from({ length: 31 }, (_, i) => signIn(i % 2 ? one : two, '192.0.2.7')),
    );
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(1);
    const refused = await signIn(one, '192.0.2.7').expect(429);
    expect(refused.body.error.code).toBe('rate_limited');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(refused.headers.ratelimit).toMatch(/"sign-in"; ?r=0; ?t=\d+/);
    expect(refused.headers['ratelimit-policy']).toMatch(/"sign-in"; ?q=30; ?w=60/);
    // The last hop counts: what a client writes in front of it is its own invention.
    await signIn(two, '10.0.0.1, 192.0.2.7').expect(429);
    await signIn(two, '192.0.2.8').expect(401);
    // One customer has a /56 of IPv6 addresses.
    for (let i = 0; i < 30; i++) await signIn(one, `2001:db8:0:1:${i}::1`).expect(401);
    await signIn(one, '2001:db8:0:fe::9').expect(429);
    await signIn(one, '2001:db8:0:100::9').expect(401);
  });

  it('begin anew when their time is over', async () => {
    const app = createBackendUnderTest(database.knex, database.url);
    await database
      .knex('rate_limits')
      .update({ hits: 1_000, resets_at: database.knex.raw(`now() - interval '1 s'`) });
    await signIn(app, '').expect(401);
  });

  it('do not believe X-Forwarded-For without a proxy', async () => {
    await database.knex('rate_limits').delete();
    const app = createBackendUnderTest(database.knex, database.url);
    for (let i = 0; i < 30; i++) await signIn(app, `192.0.2.${i}`).expect(401);
    await signIn(app, '192.0.2.200').expect(429);
  });

  it('hold for everything else in each process', async () => {
    const app = createBackendUnderTest(database.knex, database.url, { AOVIS_REQUESTS_PER_MINUTE: '3' });
    for (let i = 0; i < 3; i++) await request(app.server).get('/api/devices').expect(401);
    await request(app.server).get('/api/devices').expect(429);
    await request(app.server).get('/health').expect(200);
    await request(app.server).post('/api/internal/aws/iot-event').send({}).expect(401);
  });
});

describe('readiness', () => {
  it('fails while the schema is older than the program, and says no more to strangers', async () => {
    const database = await createTestDatabase();
    const app = createBackendUnderTest(database.knex, database.url);
    await request(app.server)
      .get('/ready')
      .expect(200, { status: 'ready', checks: { database: 'ok' } });
    await database.knex.raw(
      'DELETE FROM schema_migrations WHERE name = (SELECT max(name) FROM schema_migrations)',
    );
    const { body } = await request(app.server).get('/ready').expect(503);
    expect(body).toEqual({ status: 'not_ready', checks: { database: 'not available' } });
    await expect(app.backend.start()).rejects.toThrow('older than this program');
    await database.drop();
  });

  it('outlives the migrations of the next version, with which no instance of this one starts any more', async () => {
    const database = await createTestDatabase();
    const app = createBackendUnderTest(database.knex, database.url);
    await database.knex('schema_migrations').insert({ name: '20991231-1-future' });
    await request(app.server).get('/ready').expect(200);
    await expect(app.backend.start()).rejects.toThrow('newer than this program');
    await database.drop();
  });
});

describe('the OpenAPI document', () => {
  it('has every mounted route, and nothing else', async () => {
    const database = await createTestDatabase();
    const app = createBackendUnderTest(database.knex, database.url);
    const mounted = app.backend.routes.map(({ contract }) => `${contract.method} ${contract.path}`);
    const { body } = await request(app.server).get('/openapi.json').expect(200);
    const documented = Object.entries(body.paths as Record<string, object>).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    );
    expect(documented.sort()).toEqual(mounted.sort());
    await database.drop();
  });

  it('refuses unknown fields at every level and names each operation once', () => {
    const document = openApiDocument(apiContracts);
    const operations = Object.values(document.paths ?? {}).flatMap((item) => Object.values(item));
    const ids = operations.map((operation) => (operation as { operationId: string }).operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(
      openObjects(operations.map((operation) => (operation as { requestBody?: object }).requestBody)),
    ).toEqual([]);
  });

  it.each(apiContracts.map((contract) => [contract.operationId, contract] as const))(
    'shows an example of %s that fits its schemas',
    (_, { params, query, body, responses, example }) => {
      const parts = [
        [params, example.params],
        [query, example.query ?? {}],
        [body, example.body],
        [Object.values(responses)[0], example.answer],
      ] as const;
      for (const [schema, value] of parts) expect(schema?.safeParse(value).error).toBeUndefined();
    },
  );

  it('says what each group of routes is for, and how each needed part of an address may look', () => {
    const document = openApiDocument(apiContracts);
    const described = document.tags?.map(({ name }) => name);
    expect(new Set(described)).toEqual(new Set(apiContracts.map(({ tag }) => tag)));
    for (const item of Object.values(document.paths ?? {}))
      for (const { operationId, parameters = [] } of Object.values(item))
        for (const { name, required, example } of parameters)
          if (required) expect({ operationId, name, example }).toMatchObject({ example: expect.any(String) });
  });

  it('names the headers that routes read, and has patterns that a regular expression can be made of', () => {
    const document = openApiDocument(apiContracts);
    const headers = Object.values(document.paths ?? {}).flatMap((item) =>
      Object.values(item).flatMap(({ parameters = [] }: { parameters?: { in: string; name: string }[] }) =>
        parameters.filter((parameter) => parameter.in === 'header').map(({ name }) => name),
      ),
    );
    expect(headers).toEqual(expect.arrayContaining(['If-Match', 'X-Aovis-Timestamp', 'X-Aovis-Signature']));
    for (const [, pattern] of JSON.stringify(document).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)) {
      const source = JSON.parse(pattern as string) as string;
      expect(() => new RegExp(source, 'u')).not.toThrow();
      // The generator appends the flags of a JavaScript expression, which JSON Schema has no place for.
      expect(source).not.toMatch(/\/[a-z]+$/);
    }
  });

  it('says of every route that takes an Idempotency-Key that it does, and of no other', async () => {
    const database = await createTestDatabase();
    const { backend } = createBackendUnderTest(database.knex, database.url);
    const said = backend.routes.map(({ contract: { operationId, headers = {}, errors } }) => ({
      operationId,
      idempotent: 'Idempotency-Key' in headers,
      refuses: errors.includes('idempotency_key_reused') && errors.includes('idempotency_in_progress'),
    }));
    const done = backend.routes.map(({ contract: { operationId }, idempotent = false }) => ({
      operationId,
      idempotent,
      refuses: idempotent,
    }));
    expect(said).toEqual(done);
    await database.drop();
  });

  it('says what amounts are counted in and what the states of things mean', () => {
    const operations = Object.values(openApiDocument(apiContracts).paths ?? {}).flatMap((item) =>
      Object.values(item as Record<string, Operation>),
    );
    const unexplained = operations
      .filter(({ tags: [tag = ''] }) => !['Staff', 'Service'].includes(tag))
      .flatMap(({ operationId, responses }) => {
        const answers = Object.entries(responses).filter(([status]) => status.startsWith('2'));
        return fieldsOf(answers)
          .filter(([name]) => name.endsWith('_minor') || name === 'status' || name === 'state')
          .filter(([, field]) => field.description === undefined)
          .map(([name]) => `${operationId} ${name}`);
      });
    expect(unexplained).toEqual([]);
  });

  it('comes with a page that needs nothing from elsewhere', async () => {
    const database = await createTestDatabase();
    const app = createBackendUnderTest(database.knex, database.url);
    const page = await request(app.server).get('/docs').expect(200);
    for (const [, address] of page.text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      expect(address).toMatch(/^\//);
      await request(app.server)
        .get(address as string)
        .expect(200);
    }
    await database.drop();
  });
});

/** Object schemas that do not say what they do with fields they do not name. */
function openObjects(schema: unknown): unknown[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema && !('additionalProperties' in schema) ? [schema] : [];
  return [...own, ...Object.values(schema).flatMap(openObjects)];
}

interface Operation {
  operationId: string;
  tags: string[];
  responses: Record<string, unknown>;
}
type Field = [name: string, schema: { description?: string }];

/** All fields of the schemas in there, nested ones too. */
function fieldsOf(schema: unknown): Field[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema ? (Object.entries(schema.properties as object) as Field[]) : [];
  return [...own, ...Object.values(schema).flatMap(fieldsOf)];
}
