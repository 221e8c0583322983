import { factoryScopes } from '@aovis/contracts/http/route';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { apiContracts } from '../../http/api-contracts.ts';
import { exampleRequest } from '../../security/testing/contract-request.ts';
import { createDeviceApp, type DeviceApp } from '../../testing/device-app.ts';
import { FactoryKeyRefused, FactoryKeyService } from './factory-key-service.ts';

const hourMs = 3_600_000;

describe('factory API keys', () => {
  let database: TestDatabase;
  let app: DeviceApp;
  let keys: FactoryKeyService;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = createDeviceApp(database.knex, database.url);
    keys = new FactoryKeyService({ db: database.knex, clock: app.clock });
  });
  afterAll(() => database.drop());

  const routes = apiContracts.flatMap((contract) =>
    typeof contract.auth === 'object' && 'factoryKey' in contract.auth
      ? [{ contract, scope: contract.auth.factoryKey, name: contract.operationId }]
      : [],
  );
  const call = async (contract: (typeof routes)[number]['contract'], key: string) => {
    const { method, path, headers, body } = exampleRequest(contract);
    const sent = request(app.server)
      [method as 'get' | 'post'](path)
      .set({ ...headers, Authorization: `Bearer ${key}` });
    const { status, body: answer } = await (body === undefined ? sent : sent.send(body));
    return `${status} ${answer.error?.code ?? 'ok'}`;
  };
  const first = routes[0] as (typeof routes)[number];

  it.each(routes)('$name lets in a key with the scope $scope and no other', async ({ contract, scope }) => {
    expect(routes).toHaveLength(factoryScopes.length);
    for (const own of factoryScopes) {
      const { key } = await keys.add('line-1', [own], undefined);
      const answer = await call(contract, key);
      if (own === scope) expect(answer).not.toMatch(/^40[13]/);
      else expect(answer).toBe('403 factory_scope_missing');
    }
  });

  it('refuses what is no key, and a good id with another secret', async () => {
    const { key, keyId } = await keys.add('line-1', [first.scope], undefined);
    for (const wrong of [
      'nonsense',
      key.slice(0, -1),
      `${key}x`,
      `aovis_fk_${keyId}_${'A'.repeat(43)}`,
      `aovis_fk_${'0'.repeat(16)}_${'A'.repeat(43)}`,
      '',
    ])
      expect(await call(first.contract, wrong)).toBe('401 factory_key_refused');
    const noted = await database.knex('audit_log').where({ action: 'factory.use_key', subject_id: keyId });
    expect(noted).toHaveLength(1);
  });

  it('rotates: the old key works on for some hours, its successor has its line and scopes', async () => {
    const old = await keys.add('line-9', [first.scope], 30);
    const fresh = await keys.rotate(old.keyId, 24);
    expect(await call(first.contract, old.key)).not.toMatch(/^40[13]/);
    expect(await call(first.contract, fresh.key)).not.toMatch(/^40[13]/);
    await expect(keys.rotate(old.keyId, 24)).rejects.toThrow(`rotate ${fresh.keyId}`);
    app.clock.advance(24 * hourMs);
    expect(await call(first.contract, old.key)).toBe('401 factory_key_refused');
    expect(await call(first.contract, fresh.key)).not.toMatch(/^40[13]/);
    await expect(keys.rotate(old.keyId, 24)).rejects.toBeInstanceOf(FactoryKeyRefused);
    app.clock.advance(30 * 24 * hourMs);
    expect(await call(first.contract, fresh.key)).toBe('401 factory_key_refused');
  });

  it('revokes at once, and lists keys without their secrets', async () => {
    const { key, keyId } = await keys.add('line-1', [first.scope], undefined);
    await call(first.contract, key);
    expect(await keys.revoke(keyId)).toBe('revoked');
    expect(await keys.revoke(keyId)).toBe('unchanged');
    expect(await call(first.contract, key)).toBe('401 factory_key_refused');
    const listed = JSON.stringify((await keys.list()).find((each) => each.keyId === keyId));
    expect(listed).toContain('revokedAt');
    expect(listed).toContain('lastUsedAt');
    expect(listed).not.toContain('secret');
    await expect(keys.revoke('0000000000000000')).rejects.toThrow('line-key list shows them');
    await expect(keys.add('Line 1', ['provision'], undefined)).rejects.toThrow('a line id has');
    await expect(keys.add('line-1', ['everything'], undefined)).rejects.toThrow('scopes are provision');
  });

  it('counts the calls of each key in the database, and makes it wait', async () => {
    const { key } = await keys.add('line-1', [first.scope], undefined);
    const other = await keys.add('line-1', [first.scope], undefined);
    await call(first.contract, key);
    await database.knex('rate_limits').whereLike('key', 'line:%').update({ hits: 600 });
    expect(await call(first.contract, key)).toBe('429 rate_limited');
    expect(await call(first.contract, other.key)).not.toMatch(/^429/);
  });
});
