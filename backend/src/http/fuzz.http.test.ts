import { createHmac, generateKeyPairSync, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errorBodySchema } from '@aovis/contracts/http/common';
import { iotSignatureHeader, iotTimestampHeader } from '@aovis/contracts/http/ingestion';
import type { RouteContract } from '@aovis/contracts/http/route';
import { manifestJwsType, manifestSchema } from '@aovis/contracts/provisioning';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CompactSign } from 'jose';
import { seedBoard, seedOwnership, seedUser } from '../features/devices/testing/seed.ts';
import { makeKey } from '../features/line/testing/line-fixture.ts';
import { createDeviceApp, type DeviceApp, iotEventSecret } from '../testing/device-app.ts';
import { hostileValues, inputArbitrary } from '../testing/json-schema-arbitrary.ts';
import { apiContracts } from './api-contracts.ts';
import { codesOf } from './openapi.ts';

interface Answer {
  status: number;
  text: string;
}

interface Fuzzed {
  id: unknown;
  query: Record<string, unknown>;
  body: unknown;
  /** The body as it goes out; the JSON of `body` when undefined. */
  raw: string | undefined;
}

/** JSON that no JavaScript value turns into, and what is no JSON. */
const rawBodies = [
  '',
  '{',
  'null',
  '[]',
  '"text"',
  '1e999',
  '{"email":1e999}',
  '{"email":"a@b.cd","email":{"$ne":1}}',
  '{"__proto__":{"admin":true}}',
  '{"constructor":{"prototype":{"admin":true}}}',
  '{"a":9007199254740993}',
  '\ufeff{}',
  '{"email":"\\ud800@example.com"}',
  `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  `{"a":${'{"a":'.repeat(100)}1${'}'.repeat(101)}`,
];

/** Every route, from its own contract: whatever comes in, the answer is one that the contract names. */
describe('no request makes a route fail', () => {
  let database: TestDatabase;
  let app: DeviceApp;
  let port: number;
  let owner: string;
  let admin: string;
  let factoryKey: string;
  let ownDevice: string;
  const station = generateKeyPairSync('ed25519');

  beforeAll(async () => {
    database = await createTestDatabase();
    // A proxy in front, so that each request can have an address of its own: limits are tested elsewhere.
    app = createDeviceApp(database.knex, database.url, { AOVIS_TRUST_PROXY: '1' });
    owner = await seedUser(database.knex);
    admin = await seedUser(database.knex);
    factoryKey = await makeKey({ db: database.knex, clock: app.clock }, 'line-1');
    await database.knex('users').where({ id: admin }).update({ role: 'admin' });
    await database.knex('factory_stations').insert({
      station_id: 'line-1',
      public_key_pem: station.publicKey.export({ type: 'spki', format: 'pem' }),
    });
    app.server.listen(0, '127.0.0.1');
    await once(app.server, 'listening');
    ({ port } = app.server.address() as AddressInfo);
  });
  beforeEach(async () => {
    ownDevice = await seedBoard(database.knex);
    await seedOwnership(database.knex, { userId: owner, deviceId: ownDevice });
  });
  afterAll(async () => {
    app.server.close();
    app.server.closeAllConnections();
    await database.drop();
  });

  async function callerOf({ auth, operationId }: RouteContract): Promise<string> {
    if (typeof auth === 'object' && 'role' in auth) return admin;
    if (typeof auth === 'object' && 'factoryKey' in auth) return factoryKey;
    // Wrong codes make a user wait.
    return operationId === 'activateDevice' ? seedUser(database.knex) : owner;
  }

  async function send(contract: RouteContract, fuzzed: Fuzzed): Promise<Answer> {
    const id = typeof fuzzed.id === 'string' ? fuzzed.id : JSON.stringify(fuzzed.id);
    const path = contract.path.replace(/\{\w+\}/, encodeURIComponent(id.toWellFormed()));
    const query = new URLSearchParams(
      Object.entries(fuzzed.query).flatMap(([name, value]) =>
        (Array.isArray(value) ? value : [value]).map((item) => [
          name,
          typeof item === 'string' ? item : JSON.stringify(item),
        ]),
      ),
    );
    const body = contract.body && Buffer.from(fuzzed.raw ?? JSON.stringify(fuzzed.body));
    const timestamp = String(Math.floor(app.clock.now().getTime() / 1_000));
    const signature = createHmac('sha256', iotEventSecret)
      .update(`${timestamp}.`)
      .update(body ?? '')
      .digest('hex');
    const headers = {
      Authorization: `Bearer ${await callerOf(contract)}`,
      'X-Forwarded-For': [1, 2, 3, 4].map(() => randomInt(256)).join('.'),
      'If-Match': '0',
      [iotTimestampHeader]: timestamp,
      [iotSignatureHeader]: signature,
      ...(body && { 'Content-Type': 'application/json', 'Content-Length': body.length }),
    };
    const method = contract.method.toUpperCase();
    const search = query.size > 0 ? `?${query}` : '';
    const outgoing = httpRequest({ port, method, path: `${path}${search}`, headers });
    outgoing.end(body);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    const chunks = await incoming.toArray();
    return { status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString() };
  }

  function assertInContract(contract: RouteContract, { status, text }: Answer): void {
    const success = contract.responses[status];
    if (success !== undefined) {
      if (contract.binaryAnswer !== undefined) return;
      expect(success.safeParse(JSON.parse(text)).error).toBeUndefined();
      return;
    }
    const { error } = errorBodySchema.parse(JSON.parse(text));
    expect({ text, codes: codesOf(contract) }).toEqual({
      text,
      codes: expect.arrayContaining([error.code]),
    });
    expect({ text, fails: error.code === 'internal_error' }).toEqual({ text, fails: false });
  }

  function requests(contract: RouteContract): fc.Arbitrary<Fuzzed> {
    return fc.record({
      id: fc.oneof(
        fc.constant(ownDevice),
        fc.constantFrom(...hostileValues.filter((value) => value !== '')),
        fc.string({ unit: 'binary', minLength: 1 }),
      ),
      query: (contract.query ? inputArbitrary(contract.query) : fc.constant({})).map(
        (query) => (typeof query === 'object' && query !== null ? query : {}) as Record<string, unknown>,
      ),
      body: contract.body ? inputArbitrary(contract.body) : fc.constant(undefined),
      raw: fc.option(fc.constantFrom(...rawBodies), { nil: undefined, freq: 6 }),
    });
  }

  it.each(apiContracts.map((contract) => [contract.operationId, contract] as const))(
    '%s',
    async (_, contract) => {
      await fc.assert(
        fc.asyncProperty(requests(contract), async (fuzzed) => {
          assertInContract(contract, await send(contract, fuzzed));
        }),
        { numRuns: 60 },
      );
    },
    60_000,
  );

  it('importManifest, with whatever a registered station signs', async () => {
    const contract = apiContracts.find(({ operationId }) => operationId === 'importManifest');
    if (contract === undefined) throw new Error('the contract is missing');
    const header = { alg: 'EdDSA', typ: manifestJwsType, kid: 'line-1' };
    await fc.assert(
      fc.asyncProperty(inputArbitrary(manifestSchema), fc.boolean(), async (payload, matches) => {
        const claims =
          matches && typeof payload === 'object' ? { ...payload, station_id: 'line-1' } : payload;
        const manifest = await new CompactSign(Buffer.from(JSON.stringify(claims)))
          .setProtectedHeader(header)
          .sign(station.privateKey);
        const fuzzed = { id: '', query: {}, body: { manifest }, raw: undefined };
        assertInContract(contract, await send(contract, fuzzed));
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
