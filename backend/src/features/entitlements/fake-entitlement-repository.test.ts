import { randomUUID } from 'node:crypto';
import { describe } from '@jest/globals';
import { FakeEntitlementRepository } from './fake-entitlement-repository.ts';
import { entitlementRepositoryContract } from './testing/entitlement-repository-contract.ts';

describe('the fake entitlement repository', () => {
  entitlementRepositoryContract(async () => ({
    repository: new FakeEntitlementRepository(),
    newUser: async () => randomUUID(),
    newDevice: async () => randomUUID(),
    newPurchase: async () => randomUUID(),
  }));
});
