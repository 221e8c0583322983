import { describe } from '@jest/globals';
import { FakeCatalogRepository } from './fake-catalog-repository.ts';
import { catalogRepositoryContract } from './testing/catalog-repository-contract.ts';

describe('the fake catalog', () => {
  catalogRepositoryContract(async () => new FakeCatalogRepository());
});
