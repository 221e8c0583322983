import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const bin = join(import.meta.dirname ?? __dirname, '..', 'bin', 'aovis-provision.js');
/** As an older Node, which knows no TypeScript. */
const old = '--no-experimental-strip-types';

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

describe('bin/aovis-provision.js', () => {
  let directory: string;
  const copy = () => join(directory, 'tool', 'bin', 'aovis-provision.js');

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aovis-bin-'));
    await mkdir(join(directory, 'tool', 'bin'), { recursive: true });
    await writeFile(join(directory, 'tool', 'package.json'), '{"type":"module"}');
    await copyFile(bin, copy());
  });

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('runs the tool', async () => {
    expect(await run(bin, '--version')).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
    expect((await run(bin, 'batch', 'fly')).code).toBe(2);
  });

  it('on an older Node says what to install, when there is no other', async () => {
    expect(await run(old, copy(), '--version')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('install Node 24'),
    });
  });

  it('on an older Node hands arguments and exit code over to the installed one', async () => {
    const binaries = join(directory, 'node_modules', '.bin');
    await mkdir(binaries, { recursive: true });
    await mkdir(join(directory, 'tool', 'src'));
    await writeFile(
      join(directory, 'tool', 'src', 'main.ts'),
      'const words: string[] = process.argv.slice(2); console.log(words); process.exitCode = 7;',
    );
    // A script, so that it is another file than the Node of this test.
    const node = join(directory, 'other-node');
    await writeFile(node, `#!/bin/sh\nexec "${process.execPath}" "$@"\n`, { mode: 0o755 });
    await symlink(node, join(binaries, 'node'));
    expect(await run(old, copy(), 'batch', 'status')).toMatchObject({
      code: 7,
      stdout: "[ 'batch', 'status' ]\n",
    });
  });
});
