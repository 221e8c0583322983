import { spawn } from 'node:child_process';
import type { Program } from '../commands/run-program.ts';

export interface LastOutput {
  bytes: Buffer;
  /** There was more before it. */
  truncated: boolean;
}

/** The last `maxBytes` of what a program prints, or, as the end of a sentence about it, how it failed. */
export async function lastOutput(
  [file, ...args]: Program,
  { maxBytes, timeoutMs, signal }: { maxBytes: number; timeoutMs: number; signal: AbortSignal },
): Promise<LastOutput | string> {
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    killSignal: 'SIGKILL',
    signal,
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const chunks: Buffer[] = [];
  let kept = 0;
  let truncated = false;
  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    kept += chunk.length;
    // Whole chunks only; the rest is cut off at the end.
    for (let first = chunks[0]; first !== undefined && kept - first.length >= maxBytes; first = chunks[0]) {
      chunks.shift();
      kept -= first.length;
      truncated = true;
    }
  });
  const fault = await new Promise<string | undefined>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      // One that is killed says so in `close`.
      if (error.name !== 'AbortError') resolve(`could not be started (${error.code ?? error.message})`);
    });
    child.on('close', (code, killedBy) => {
      if (killedBy !== null) resolve(`was ended by ${killedBy}`);
      else resolve(code === 0 ? undefined : `ended with code ${String(code)}`);
    });
  });
  clearTimeout(timer);
  if (fault !== undefined) return fault;
  const bytes = Buffer.concat(chunks);
  return { bytes: bytes.subarray(-maxBytes), truncated: truncated || bytes.length > maxBytes };
}
