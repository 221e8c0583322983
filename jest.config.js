import { availableParallelism } from 'node:os';
import base from './test-support/jest.base.js';

export default {
  ...base,
  rootDir: import.meta.dirname,
  // jest's own choice is one worker on two cores; most of these tests wait for sockets and disks.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  // A guard against hangs, not a measurement: two busy cores take their time.
  testTimeout: 30_000,
  roots: [
    'contracts',
    'api-client',
    'migrations',
    'backend',
    'device-agent',
    'provisioning-tool',
    'local-cloud',
    'dev-database',
    'simulator',
    'bench',
    'scripts',
    'test-support',
  ].map((folder) => `<rootDir>/${folder}`),
  modulePathIgnorePatterns: ['/dist/'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '\\.external\\.test\\.ts$'],
  globalSetup: '<rootDir>/dev-database/src/testing/jest-global-setup.ts',
  globalTeardown: '<rootDir>/dev-database/src/testing/jest-global-teardown.ts',
};
