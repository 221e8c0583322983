import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { securityChecks } from './checks.ts';

const root = join(import.meta.dirname, '../../..');

it('are thirty-two', () => {
  expect(securityChecks).toHaveLength(32);
});

it.each(securityChecks.map((check) => [check.promise, check] as const))('%s', (_promise, { tests }) => {
  expect(tests.length).toBeGreaterThan(0);
  for (const [file, title] of tests)
    expect({ file, title, found: readFileSync(join(root, file), 'utf8').includes(title) }).toEqual({
      file,
      title,
      found: true,
    });
});
