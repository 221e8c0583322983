import { spawn } from 'node:child_process';

/** A program of this board's owner with its arguments, as configured. */
export type Program = readonly [file: string, ...args: string[]];

export interface ProgramRun {
  /** What it must know, on top of the agent's environment. */
  env: Readonly<Record<string, string>>;
  /** It is killed then. */
  timeoutMs: number;
  /** Aborted, it is killed too; without one it outlives the agent, which it may be about to end. */
  signal?: AbortSignal;
}

/** How a program ended: `undefined` when well, else what went wrong, as the end of a sentence about it. */
export async function runProgram(
  [file, ...args]: Program,
  { env, timeoutMs, signal }: ProgramRun,
): Promise<string | undefined> {
  const child = spawn(file, args, {
    env: { ...process.env, ...env },
    stdio: 'ignore',
    killSignal: 'SIGKILL',
    ...(signal === undefined ? { detached: true } : { signal }),
  });
  if (signal === undefined) child.unref();
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  timer.unref();
  const ended = await new Promise<string | undefined>((resolve) => {
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
  return ended;
}
