import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { ErrorBody } from '@aovis/contracts/http/common';
import type { RouteContract } from '@aovis/contracts/http/route';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeKey } from '../features/line/testing/line-fixture.ts';
import { apiContracts } from '../http/api-contracts.ts';
import { openApiDocument } from '../http/openapi.ts';
import { type BackendUnderTest, createBackendUnderTest } from '../testing/backend-under-test.ts';
import { exampleRequest } from './testing/contract-request.ts';
import { type Cast, seedCast } from './testing/people.ts';

interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  additionalProperties?: unknown;
  format?: string;
  maxLength?: number;
  maxItems?: number;
  [keyword: string]: unknown;
}

const document = openApiDocument(apiContracts);
const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => {
    const { requestBody, responses, parameters } = operation as {
      requestBody?: object;
      responses: Record<string, object>;
      parameters?: { in: string; name: string; schema?: object }[];
    };
    const answers = Object.entries(responses).filter(([status]) => status.startsWith('2'));
    return {
      name: `${method.toUpperCase()} ${path}`,
      request: schemasIn(requestBody),
      // Headers are bounded by the server, all of them together.
      query: (parameters ?? [])
        .filter((parameter) => parameter.in !== 'header')
        .flatMap(({ name, schema }) => schemasIn(schema, [name])),
      answer: schemasIn(answers),
    };
  }),
);

/** Every schema object below a part of the document, with the path of property names that leads to it. */
function schemasIn(part: unknown, path: string[] = []): { path: string[]; schema: Schema }[] {
  if (Array.isArray(part)) return part.flatMap((item) => schemasIn(item, path));
  if (typeof part !== 'object' || part === null) return [];
  const own = part as Schema;
  const nested = Object.entries(own).flatMap(([key, value]) => {
    if (key === 'example' || key === 'examples') return [];
    if (key !== 'properties') return schemasIn(value, path);
    return Object.entries(value as Record<string, Schema>).flatMap(([name, schema]) =>
      schemasIn(schema, [...path, name]),
    );
  });
  return own.type === undefined ? nested : [{ path, schema: own }, ...nested];
}

const names = (schemas: { path: string[] }[]): string[] => schemas.map(({ path }) => path.at(-1) ?? '');
const rows = operations.map((operation) => [operation.name, operation] as const);

describe('no route', () => {
  /** What must never leave the backend, by the name it has inside. */
  const secretNames =
    /hash|secret|password|private_key|pepper|imsi|^eid$|channel_arn|^arn$|(^|_)lease(d|_|$)|certificate_pem|activation_code|totp/i;
  /** A token is an answer only where somebody signs in, asks for a link, or is given a player's address. */
  const tokenRoutes = /^(POST|DELETE) \/api\/auth\//;

  /** Where a production line is shown what it flashes and prints, once. */
  const credentialRoutes = /^GET \/api\/v1\/devices\/\{id\}\/credentials$/;

  it.each(rows)('answers with what is secret: %s', (name, { answer }) => {
    const found = names(answer).filter(
      (property) =>
        (secretNames.test(property) && !credentialRoutes.test(name)) ||
        (/token/i.test(property) && !tokenRoutes.test(name)),
    );
    // The secret of a magic link's request is the requester's own, given to tie the mailed link to this device.
    expect(found.filter((property) => property !== 'request_secret')).toEqual([]);
  });

  it.each(rows)('answers with more than its contract names: %s', (_name, { answer }) => {
    const open = answer.filter(
      ({ schema }) => schema.properties !== undefined && schema.additionalProperties !== false,
    );
    expect(open.map(({ path }) => path.join('.'))).toEqual([]);
  });

  it.each(rows)('takes an address to call: %s', (_name, { request, query }) => {
    const addresses = [...request, ...query].filter(
      ({ path, schema }) =>
        (schema.format ?? '').startsWith('uri') ||
        /(^|_)(url|uri|host|callback|webhook)$/.test(path.at(-1) ?? ''),
    );
    expect(addresses).toEqual([]);
  });

  it.each(rows)('takes a text or a list without end: %s', (name, { request, query }) => {
    // What is signed is JSON of others; its whole body is bounded.
    if (/webhook|iot-event/.test(name)) return;
    const endless = [...request, ...query].filter(({ schema }) => {
      const types = [schema.type].flat();
      const bounded =
        schema.enum !== undefined ||
        schema.const !== undefined ||
        schema.pattern !== undefined ||
        schema.format !== undefined;
      if (types.includes('array')) return schema.maxItems === undefined;
      return types.includes('string') && schema.maxLength === undefined && !bounded;
    });
    expect(endless.map(({ path }) => path.join('.'))).toEqual([]);
  });
});

describe('with a body that says more than it may', () => {
  let database: TestDatabase;
  let app: BackendUnderTest;
  let base: string;
  let cast: Cast;
  let factoryKey: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = createBackendUnderTest(database.knex, database.url, { AOVIS_TRUST_PROXY: '1' });
    cast = await seedCast(database.knex, app.clock.now());
    factoryKey = await makeKey({ db: database.knex, clock: app.clock }, 'line-1');
    app.server.listen(0, '127.0.0.1');
    await once(app.server, 'listening');
    base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    app.server.close();
    app.server.closeAllConnections();
    await database.drop();
  });

  async function send(
    contract: RouteContract,
    body: string,
  ): Promise<{ status: number; error: ErrorBody['error'] }> {
    await database.knex('rate_limits').delete();
    const { method, path, headers } = exampleRequest(contract, { id: cast.deviceId });
    const ofLine = typeof contract.auth === 'object' && 'factoryKey' in contract.auth;
    const token = ofLine ? factoryKey : cast.people.admin.token;
    const response = await fetch(`${base}${path}`, {
      method: method.toUpperCase(),
      headers: { ...headers, Authorization: `Bearer ${token}` },
      body,
    });
    return { status: response.status, ...((await response.json()) as ErrorBody) };
  }

  /** Names that would be worth a try, in the spelling of bodies and of columns. */
  const coveted = [
    'role',
    'is_admin',
    'owner_user_id',
    'user_id',
    'price_minor',
    'status',
    'stripe_session_id',
    'id',
  ];
  const withBody = apiContracts.filter(({ body, auth }) => body !== undefined && auth !== 'signature');

  it.each(
    withBody.map((contract) => [`${contract.method.toUpperCase()} ${contract.path}`, contract] as const),
  )('%s names each of them and does nothing', async (_route, contract) => {
    const example = JSON.parse(exampleRequest(contract).body ?? '{}') as Record<string, unknown>;
    const added = coveted.filter((name) => !(name in example) && !isTaken(contract, name));
    const body = { ...example, ...Object.fromEntries(added.map((name) => [name, 'admin'])) };
    const { status, error } = await send(contract, JSON.stringify(body));
    expect({ status, code: error.code }).toEqual({ status: 400, code: 'invalid_request' });
    const paths = (error.details as { path: string }[]).map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(added.map((name) => `body.${name}`)));
  });

  it.each(
    withBody.map((contract) => [`${contract.method.toUpperCase()} ${contract.path}`, contract] as const),
  )('%s is not confused by prototypes', async (_route, contract) => {
    const body = exampleRequest(contract).body ?? '{}';
    const polluted = `{"__proto__":{"role":"admin"},"constructor":{"prototype":{"role":"admin"}}${body === '{}' ? '' : ','}${body.slice(1)}`;
    const { status } = await send(contract, polluted);
    expect(status).toBe(400);
    expect(({} as { role?: string }).role).toBeUndefined();
  });

  /** The route itself knows the name. */
  function isTaken({ body, example }: RouteContract, name: string): boolean {
    const tried = body?.safeParse({ ...(example.body as object), [name]: 'admin' });
    const issues = tried?.error?.issues ?? [];
    return !issues.some((issue) => issue.code === 'unrecognized_keys' && issue.keys.includes(name));
  }
});
