import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { KnexCatalogRepository } from './catalog-repository.ts';
import { catalogRepositoryContract } from './testing/catalog-repository-contract.ts';

describe('the catalog', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  catalogRepositoryContract(async () => {
    await database.knex('product_variants').delete();
    await database.knex('products').delete();
    return new KnexCatalogRepository(database.knex);
  });
});
