import base from './jest.config.js';

/** The backend's tests, and how much of it they run: `npm run test:coverage`. */
export default {
  ...base,
  roots: ['<rootDir>/backend'],
  collectCoverage: true,
  coverageProvider: 'v8',
  coverageDirectory: '<rootDir>/coverage',
  coverageReporters: ['text-summary', 'lcovonly'],
  collectCoverageFrom: ['backend/src/**/*.ts', '!**/*.test.ts', '!**/testing/**'],
  coverageThreshold: { global: { lines: 85 } },
};
