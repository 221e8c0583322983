import base from '../test-support/jest.base.js';

/** The whole system: real processes, real sockets. One file at a time. */
export default {
  ...base,
  rootDir: import.meta.dirname,
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/package/'],
  testTimeout: 90_000,
};
