import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { ErrorBody } from '@aovis/contracts/http/common';
import type { RouteAuth, RouteContract } from '@aovis/contracts/http/route';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testPepperText } from '../features/devices/testing/seed.ts';
import { apiContracts } from '../http/api-contracts.ts';
import { type BackendUnderTest, createBackendUnderTest } from '../testing/backend-under-test.ts';
import { exampleRequest } from './testing/contract-request.ts';
import { badTokens, type Caller, type Cast, callers, seedCast, viewers } from './testing/people.ts';

/**
 * What a route answers to whom, from its contract alone: `in` means that the caller stood before the handler, whatever
 * that made of the example. A new route is in the matrix as soon as it has a contract, and a route without one is not
 * mounted.
 */
type Verdict =
  | 'in'
  | '401 unauthorized'
  | '401 factory_key_refused'
  | '403 forbidden'
  | '404 device_not_found'
  | '403 entitlement_required'
  | 'unsigned';

function expectedVerdict(auth: RouteAuth, caller: Caller): Verdict {
  if (auth === 'public' || auth === 'optional') return 'in';
  if (auth === 'signature') return 'unsigned';
  if (typeof auth === 'object' && 'factoryKey' in auth) return '401 factory_key_refused';
  if (caller === 'nobody') return '401 unauthorized';
  if (auth === 'user') return 'in';
  if ('role' in auth) {
    const allowed = caller === 'admin' || (caller === 'support' && auth.role === 'support');
    return allowed ? 'in' : '403 forbidden';
  }
  // Who is signed in is no production line; what its keys may do is below.
  const views = caller === 'viewer' || caller === 'viewer without entitlement';
  if (!views && !caller.startsWith('owner')) return '404 device_not_found';
  if (views && auth.device === 'owner') return '403 forbidden';
  return auth.capability !== undefined && caller.endsWith('without entitlement')
    ? '403 entitlement_required'
    : 'in';
}

/** Codes by which a guard refuses; any other answer is the handler's own. */
const guardCodes = new Set([
  'unauthorized',
  'factory_key_refused',
  'forbidden',
  'device_not_found',
  'entitlement_required',
]);
const signatureCodes = new Set([
  'invalid_signature',
  'webhook_not_configured',
  'unknown_station',
  'unauthorized',
  'cron_not_configured',
  // The signature is part of what is sent: an example is none.
  'invalid_manifest',
  'invalid_station_request',
]);

interface Answer {
  status: number;
  text: string;
  headers: Headers;
}

describe('who may call what', () => {
  let database: TestDatabase;
  let app: BackendUnderTest;
  let base: string;
  let cast: Cast;
  let bad: Record<string, string>;
  let addresses = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = createBackendUnderTest(database.knex, database.url, {
      AOVIS_TRUST_PROXY: '1',
      AOVIS_ACTIVATION_PEPPERS: testPepperText,
    });
    bad = await badTokens(database.knex, app.clock.now());
    app.server.listen(0, '127.0.0.1');
    await once(app.server, 'listening');
    base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    app.server.close();
    app.server.closeAllConnections();
    await database.drop();
  });

  /** Each from an address of its own: limits are tested elsewhere. */
  async function send(contract: RouteContract, token: string | undefined, deviceId: string): Promise<Answer> {
    const { method, path, headers, body } = exampleRequest(contract, { id: deviceId });
    addresses += 1;
    const response = await fetch(`${base}${path}`, {
      method: method.toUpperCase(),
      headers: {
        ...headers,
        'X-Forwarded-For': `10.${addresses >> 16}.${(addresses >> 8) & 255}.${addresses & 255}`,
        'X-Request-Id': 'the-same-one',
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body }),
      redirect: 'manual',
    });
    return { status: response.status, text: await response.text(), headers: response.headers };
  }

  function verdictOf(contract: RouteContract, { status, text }: Answer): string {
    const code = status < 400 ? undefined : (JSON.parse(text) as ErrorBody).error.code;
    if (contract.auth === 'signature')
      return signatureCodes.has(code ?? '') ? 'unsigned' : `in: ${status} ${code}`;
    if (code === 'internal_error') return `fails: ${text}`;
    return code !== undefined && guardCodes.has(code) && !isOwnCode(contract, code)
      ? `${status} ${code}`
      : 'in';
  }

  /** A route without a guard of that kind may itself answer with such a code, e.g. for a device named in its body. */
  function isOwnCode({ auth }: RouteContract, code: string): boolean {
    if (auth === 'public') return true;
    return typeof auth === 'string' && code !== 'unauthorized';
  }

  const deviceRoutes = apiContracts.filter(({ auth }) => typeof auth === 'object' && 'device' in auth);
  const rows = apiContracts.map(
    (contract) => [`${contract.method.toUpperCase()} ${contract.path}`, contract] as const,
  );

  describe.each(rows)('%s', (_route, contract) => {
    // A request may sign somebody out or release the device: each meets people of its own.
    beforeEach(async () => {
      // Mails to one address are counted whoever asks for them.
      await database.knex('rate_limits').delete();
      cast = await seedCast(database.knex, app.clock.now());
    });

    const hasDevice = typeof contract.auth === 'object' && 'device' in contract.auth;
    it.each(hasDevice ? [...callers, ...viewers] : callers)('as %s', async (caller) => {
      const person = caller === 'nobody' ? undefined : cast.people[caller];
      if (caller === 'owner' || caller === 'viewer') await entitle(cast);
      const answer = await send(contract, person?.token, cast.deviceId);
      expect(verdictOf(contract, answer)).toBe(expectedVerdict(contract.auth, caller));
    });

    it('with a token that is not good', async () => {
      const ignoresTokens = contract.auth === 'public' || contract.auth === 'signature';
      for (const [wrong, token] of Object.entries(bad)) {
        await database.knex('rate_limits').delete();
        const answer = await send(contract, token, cast.deviceId);
        const refused = answer.status === 401 && /"(unauthorized|factory_key_refused)"/.test(answer.text);
        if (contract.auth === 'signature') expect(verdictOf(contract, answer)).toBe('unsigned');
        else expect({ wrong, refused }).toEqual({ wrong, refused: !ignoresTokens });
      }
    });
  });

  it.each(
    deviceRoutes.map((contract) => [`${contract.method.toUpperCase()} ${contract.path}`, contract] as const),
  )('%s tells a stranger nothing about whether a device exists', async (_route, contract) => {
    await database.knex('rate_limits').delete();
    cast = await seedCast(database.knex, app.clock.now());
    const { people } = cast;
    const answers = [];
    for (const [person, deviceId] of [
      [people.stranger, cast.deviceId],
      [people.stranger, 'aovis-n4k-999999'],
      [people.stranger, 'not-a-device'],
      [people['former owner'], cast.deviceId],
      [people['viewer whose time is over'], cast.deviceId],
      [people['viewer no longer'], cast.deviceId],
    ] as const) {
      const { status, text, headers } = await send(contract, person.token, deviceId);
      const shown = Object.fromEntries(
        [...headers].filter(([name]) => name !== 'date' && !name.startsWith('ratelimit')),
      );
      answers.push({ status, text, shown });
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  async function entitle({ deviceId, people }: Cast): Promise<void> {
    const now = app.clock.now();
    const capabilities = new Set(
      deviceRoutes.flatMap(({ auth }) =>
        typeof auth === 'object' && 'device' in auth ? [auth.capability] : [],
      ),
    );
    for (const capability of capabilities) {
      if (capability === undefined) continue;
      await database.knex('entitlements').insert({
        device_id: deviceId,
        user_id: people.owner.userId,
        capability,
        source: 'grant',
        starts_at: new Date(now.getTime() - 1_000),
        ends_at: new Date(now.getTime() + 86_400_000),
      });
    }
  }
});
