import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { describedProgram, leavesOf, pathOf } from './described-program.ts';

const page = join(import.meta.dirname, '..', '..', 'man', 'aovis-provision.1');

it('groff sets the page without a warning, and every command is in it as it is typed', async () => {
  const { stdout, stderr } = await promisify(execFile)(
    'groff',
    ['-k', '-man', '-ww', '-Tutf8', '-P-cbou', page],
    {
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
      maxBuffer: 1 << 24,
    },
  );
  expect(stderr).toBe('');
  const shown = stdout.replace(/\s+/g, ' ');
  for (const leaf of leavesOf(describedProgram()))
    expect(shown).toContain(`aovis-provision ${pathOf(leaf)} ${leaf.usage()}`.trimEnd());
  expect(shown).toContain(
    "aovis-provision labels print boards --serial N4K-000123 --reason 'torn when applied'",
  );
  expect(shown).toContain('-o, --out <file>');
});

it('npm installs it: the package names it', async () => {
  const { man } = JSON.parse(await readFile(join(page, '..', '..', 'package.json'), 'utf8')) as {
    man: string;
  };
  expect(join(page, '..', '..', man)).toBe(page);
});
