import { describe } from '@jest/globals';
import { FakeDataPlanRepository } from './fake-data-plan-repository.ts';
import { dataPlanRepositoryContract } from './testing/data-plan-repository-contract.ts';

describe('the fake data plan repository', () => {
  dataPlanRepositoryContract(async () => new FakeDataPlanRepository());
});
