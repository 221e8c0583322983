import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Finished {
  exitCode: number;
  seconds: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end; throws with its last words when it fails. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Finished> {
  const startedAt = performance.now();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text.stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text.stderr += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${command} ${args[0] ?? ''} failed:\n${text.stderr.slice(-2_000)}`);
  return { exitCode: code, seconds: (performance.now() - startedAt) / 1000, ...text };
}
