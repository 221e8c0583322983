import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../db/database.ts';
import { systemClock } from '../../kernel/clock.ts';
import { Sealer } from '../../kernel/sealer.ts';
import { breakingDatabase } from '../../testing/breaking-database.ts';
import { LineCredentialsService } from './line-credentials-service.ts';
import { LineService } from './line-service.ts';
import { FakeLineRegistry } from './testing/fake-line-registry.ts';
import { runLineOutbox, sessionSecret } from './testing/line-fixture.ts';

const asker = {
  factory: {
    keyId: '0123456789abcdef',
    lineId: 'line-3',
    scopes: ['provision', 'claim', 'credentials', 'rotate'] as const,
  },
  requestId: 'r-1',
};

let database: TestDatabase;
let boards = 700_000;
const registry = new FakeLineRegistry();
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const line = (db: Database) => new LineService({ db, clock: systemClock, proofModels: [] });
const credentials = (db: Database) =>
  new LineCredentialsService({
    db,
    clock: systemClock,
    sealer: new Sealer(sessionSecret, 'credentials of boards of the line API'),
    publicUrl: 'http://127.0.0.1',
  });

async function ready(): Promise<string> {
  boards += 1;
  const { knex } = database;
  const deviceId = `aovis-n4k-${boards}`;
  await line(knex).provision(asker, { serial: `N4K-${boards}`, model: 'n4k', batch_id: 'B1' });
  await line(knex).claim(asker, { device_id: deviceId, hardware_id: `mac-${boards}` });
  await runLineOutbox(knex, registry);
  return deviceId;
}

describe.each(['before', 'after'] as const)('a backend that is killed %s any statement', (when) => {
  it('has shown credentials to nobody: they wait still, or they are gone and can be rotated', async () => {
    const { knex, url } = database;
    const seen = new Set<string>();
    for (let at = 1; ; at++) {
      const deviceId = await ready();
      const victim = breakingDatabase(url, at, when);
      const outcome = await credentials(victim)
        .take(asker, deviceId)
        .then(
          () => 'shown',
          () => 'cut',
        );
      await victim.destroy();
      if (outcome === 'shown') break;
      const again = await credentials(knex)
        .take(asker, deviceId)
        .then(
          ({ activation_code }) => (activation_code === '' ? 'nothing' : 'shown'),
          (error: { code?: string }) => error.code ?? 'fails',
        );
      seen.add(again);
      if (again === 'shown') continue;
      expect(again).toBe('credentials_shown');
      await line(knex).rotate(asker, deviceId, { reason: 'the answer was lost' });
      await runLineOutbox(knex, registry);
      expect(await credentials(knex).take(asker, deviceId)).toMatchObject({ credentials_version: 2 });
    }
    expect([...seen]).toContain('shown');
  });
});
