/** Settings shared by the fast suite and the system suite: TypeScript to CommonJS by swc, ESM packages by require(esm). */
export default {
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { module: { type: 'commonjs' }, jsc: { target: 'es2024', parser: { syntax: 'typescript' } } },
    ],
  },
  testEnvironment: 'node',
  setupFilesAfterEnv: [new URL('./leak-check.ts', import.meta.url).pathname],
};
