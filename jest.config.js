import base from './test-support/jest.base.js';

export default {
  ...base,
  rootDir: import.meta.dirname,
  roots: [
    'contracts',
    'migrations',
    'backend',
    'device-agent',
    'provisioning-tool',
    'local-cloud',
    'dev-database',
    'simulator',
    'scripts',
    'test-support',
  ].map((folder) => `<rootDir>/${folder}`),
  modulePathIgnorePatterns: ['/dist/'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '\\.external\\.test\\.ts$'],
  globalSetup: '<rootDir>/dev-database/src/testing/jest-global-setup.ts',
  globalTeardown: '<rootDir>/dev-database/src/testing/jest-global-teardown.ts',
};
