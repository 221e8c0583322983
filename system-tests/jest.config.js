import { availableParallelism } from 'node:os';
import base from '../test-support/jest.base.js';

/** The whole system: real processes, real sockets; each file with a system of its own in a folder of its own. */
export default {
  ...base,
  // A system is some five programs.
  maxWorkers: Math.max(1, Math.floor(availableParallelism() / 2)),
  rootDir: import.meta.dirname,
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/package/'],
  testTimeout: 90_000,
};
