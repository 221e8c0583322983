import { join } from 'node:path';

/** Settings shared by the fast suite and the system suite: TypeScript to CommonJS by swc, ESM packages by require(esm). */
export default {
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { module: { type: 'commonjs' }, jsc: { target: 'es2024', parser: { syntax: 'typescript' } } },
    ],
  },
  // Always in workers, a single file too: timers of the runner in the same process would hide leaked ones.
  workerIdleMemoryLimit: '2GB',
  setupFiles:
    process.env['FAST_CHECK_SEED'] === undefined ? [] : [join(import.meta.dirname, 'fast-check-seed.ts')],
  testEnvironment: join(import.meta.dirname, 'leak-check-environment.ts'),
};
