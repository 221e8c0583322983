import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../backend/src/config/config.ts';
import { testEnvironment } from '../backend/src/testing/test-environment.ts';
import { envExample, sections } from './env-example.ts';

const root = join(import.meta.dirname, '..');
const variables = sections.flatMap(({ rows }) => rows.map(({ variable }) => variable));

/** Sources of a program, without its tests. */
function sourcesOf(program: string): string[] {
  const folder = join(root, program, 'src');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.includes('.test.') && !path.includes('testing'))
    .map((path) => readFileSync(join(folder, path), 'utf8'));
}

describe('.env.example', () => {
  it('is what the tables of all programs make of it', () => {
    expect(readFileSync(join(root, '.env.example'), 'utf8')).toBe(envExample());
  });

  it.each(['backend', 'device-agent', 'provisioning-tool', 'local-cloud', 'simulator'])(
    'has every variable that %s reads by name',
    (program) => {
      const read = sourcesOf(program).flatMap((source) =>
        [...source.matchAll(/env(?:\.|\[')((?:AOVIS|LOCAL_CLOUD)_[A-Z_]+|DATABASE_URL)/g)].map(
          ([, name]) => name,
        ),
      );
      expect(variables).toEqual(expect.arrayContaining(read));
    },
  );

  it('may lie whole in the environment of the backend', () => {
    const others = Object.fromEntries(
      sections.slice(1).flatMap(({ rows }) => rows.map((row) => [row.variable, ''])),
    );
    const own = testEnvironment('postgres://aovis:f3Kq9vR2xZ7m@127.0.0.1:5432/aovis');
    expect(() => loadConfig({ ...others, ...own })).not.toThrow();
  });
});
