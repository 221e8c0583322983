import { createHash } from 'node:crypto';
import { activationCodeDigest } from '@aovis/contracts/activation-code';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../db/database.ts';
import { systemClock } from '../../kernel/clock.ts';
import { breakingDatabase } from '../../testing/breaking-database.ts';
import { KnexEntitlementRepository } from '../entitlements/entitlement-repository.ts';
import { EntitlementService } from '../entitlements/entitlement-service.ts';
import { hashActivationDigest, type Peppers, parsePeppers } from './activation-hash.ts';
import { ActivationService } from './activation-service.ts';
import { labelCode, seedBoard, seedUser } from './testing/seed.ts';

const [oldText, newText] = [`p1:${'11'.repeat(32)}`, `p2:${'22'.repeat(32)}`];
const [before, both] = [parsePeppers(oldText), parsePeppers(`${newText},${oldText}`)];
let boards = 600_000;
const legacyCode = 'ABCDEF012345';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

function activate(
  db: Database,
  peppers: Peppers,
  request: { userId: string; deviceId: string; code: string },
) {
  const service = new ActivationService({
    db,
    clock: systemClock,
    peppers,
    entitlementsIn: (trx) =>
      new EntitlementService({ repository: new KnexEntitlementRepository(trx), clock: systemClock }),
    claims: { begin: () => Promise.reject(new Error('these models do not confirm')) },
  });
  const { userId, deviceId, code: activationCode } = request;
  const rest = { network: `10.0.${boards % 256}.1`, requestId: 'r-1', iccid: undefined };
  return service.activate({ userId, deviceId, activationCode, ...rest });
}

describe.each(['before', 'after'] as const)('killed %s any statement', (when) => {
  it.each([
    [
      'a label under an older pepper',
      labelCode,
      (serial: string) => hashActivationDigest(activationCodeDigest(serial, labelCode), before),
    ],
    [
      'a label of an old system',
      legacyCode,
      () => `sha256$${createHash('sha256').update(legacyCode).digest('hex')}`,
    ],
  ])('%s moves to the current one with its activation, or stays as it is', async (_, code, hashOf) => {
    const { knex, url } = database;
    let cuts = 0;
    for (let at = 1; ; at++) {
      boards += 1;
      const serial = `N4K-${boards}`;
      const storedHash = hashOf(serial);
      const deviceId = await seedBoard(knex, { serial, activationCodeHash: storedHash });
      const request = { userId: await seedUser(knex), deviceId, code };
      const victim = breakingDatabase(url, at, when);
      const outcome = await activate(victim, both, request).then(
        () => 'done',
        () => 'cut',
      );
      await victim.destroy();
      // Waits until the database has noticed: it holds the row that long.
      const { activation_code_hash: hash } = await knex('devices')
        .where({ device_id: deviceId })
        .forUpdate()
        .first<{ activation_code_hash: string }>();
      const owners = await knex('device_ownerships').where({ device_id: deviceId, ended_at: null });
      const moved = hash !== storedHash;
      expect({ at, moved, owners: owners.length }).toEqual({ at, moved, owners: moved ? 1 : 0 });
      if (outcome === 'done') break;
      cuts += 1;
      // The same again, by a backend that lives.
      expect(await activate(knex, both, request)).toMatchObject({ status: 200 });
      const after = await knex('devices')
        .where({ device_id: deviceId })
        .first<{ activation_code_hash: string }>();
      expect(after.activation_code_hash).toMatch(/^hmac-sha256\$p2\$/);
    }
    expect(cuts).toBeGreaterThan(5);
  });
});
