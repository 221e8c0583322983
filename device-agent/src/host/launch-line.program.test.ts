import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { bufferPoolBytes, launchEnvironment, launchLine, nodeFlags } from './launch-line.ts';

const run = promisify(execFile);
const node = process.env.AOVIS_BOARD_NODE ?? process.execPath;
const workspace = join(import.meta.dirname, '../..');
const read = (path: string): Promise<string> => readFile(join(workspace, path), 'utf8');

describe('the programs that build.ts makes', () => {
  const program = join(workspace, 'dist/test/print-surroundings.cjs');

  beforeAll(async () => {
    const entry = join(workspace, 'src/testing/print-surroundings.ts');
    await run(process.execPath, [join(workspace, 'build.ts'), join(program, '..'), entry]);
  });

  it('begin with the launch line, which old kernels cut at 127 characters', async () => {
    const [firstLine = ''] = (await readFile(program, 'utf8')).split('\n');
    expect(firstLine).toBe(`#!/usr/bin/env -S ${launchLine}`);
    expect(firstLine.length).toBeLessThan(127);
  });

  it('keep small buffers in small pieces, and what concerned their start from the programs they start', async () => {
    const env = { ...process.env, ...launchEnvironment };
    const { stdout } = await run(node, [...nodeFlags, program], { env });
    const found = JSON.parse(stdout) as { bufferPoolBytes: number; environment: Record<string, string> };
    expect(found.bufferPoolBytes).toBe(bufferPoolBytes);
    for (const name of Object.keys(launchEnvironment)) expect(found.environment).not.toHaveProperty(name);
    expect(found.environment).toHaveProperty('PATH');
  });
});

it('is what the systemd units and the README say', async () => {
  const unit = await read('packaging/files/aovis-agent.service');
  expect(unit).toContain(
    `\nExecStart=/usr/bin/node ${nodeFlags.join(' ')} /usr/lib/aovis-agent/aovis-agent.cjs run\n`,
  );
  for (const [name, value] of Object.entries(launchEnvironment))
    expect(unit).toContain(`\nEnvironment=${name}=${value}\n`);
  expect(await read('packaging/files/aovis-agent-clock.service')).toContain(nodeFlags.join(' '));
  expect(await read('README.md')).toContain(`\`${launchLine} aovis-agent.cjs run …\``);
});
