import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(__dirname, '..');

/** Runs jest with our settings on one file of `fixtures/`. */
async function runFixture(name: string): Promise<{ exitCode: number; output: string }> {
  const args = ['--config', join(__dirname, 'fixtures/jest.config.js'), '--forceExit', name];
  const child = spawn(
    process.execPath,
    ['--experimental-vm-modules', join(root, 'node_modules/jest/bin/jest.js'), ...args],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [exitCode] = (await once(child, 'close')) as [number];
  return { exitCode, output };
}

describe('the leak check', () => {
  it.each(['closes-at-top-level', 'closes-in-describe'])('lets a file pass that %s', async (name) => {
    expect(await runFixture(name)).toMatchObject({ exitCode: 0 });
  });

  it.each([
    ['leaks-server', /left handles open: TCPServerWrap × 1\. Close what it started/],
    ['leaks-timer', /left handles open: Timeout × 1\. Close what it started/],
  ])('fails a file that %s', async (name, words) => {
    const { exitCode, output } = await runFixture(name);
    expect(output).toMatch(words);
    expect(exitCode).toBe(1);
  });
});
