import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { toDataPlanView } from './data-plan.ts';
import { KnexDataPlanRepository } from './data-plan-repository.ts';
import { importPlanFile, PlanFileRefused } from './plan-file.ts';
import { dataPlanRepositoryContract } from './testing/data-plan-repository-contract.ts';
import { plan } from './testing/seed.ts';

describe('the data plan repository', () => {
  let database: TestDatabase;
  let folder: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    folder = await mkdtemp(join(tmpdir(), 'plans-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
    await database.drop();
  });
  const importText = async (text: string) => {
    const path = join(folder, 'plans.json');
    await writeFile(path, text);
    return importPlanFile(path, { db: database.knex, clock: new FakeClock() });
  };

  dataPlanRepositoryContract(async () => {
    await database.knex('data_plans').delete();
    return new KnexDataPlanRepository(database.knex);
  });

  it('is filled from a file', async () => {
    await database.knex('data_plans').delete();
    const file = { plans: [{ ...toDataPlanView(plan), package_code: plan.packageCode }] };
    expect(await importText(JSON.stringify(file))).toEqual({ plans: 1, changed: 1, removed: 0 });
    expect(await importText(JSON.stringify(file))).toEqual({ plans: 1, changed: 0, removed: 0 });
    expect(await new KnexDataPlanRepository(database.knex).listActive()).toEqual([plan]);
    expect(await importText('{"plans":[]}')).toEqual({ plans: 0, changed: 0, removed: 1 });
    expect(await database.knex('audit_log').where({ action: 'data_plan.import' })).toHaveLength(3);
  });

  it.each(['{', '{}', '{"plans":[{"plan_id":"X"}]}'])('refuses the file %s', async (text) => {
    await expect(importText(text)).rejects.toThrow(PlanFileRefused);
  });
});
