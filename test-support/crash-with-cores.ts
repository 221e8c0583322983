import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Starts a program that may write core files as large as this machine allows, which shells and services often forbid. They go
 * into `cwd`, unless the machine has a handler of its own for them (core(5)).
 */
export function spawnWithCores(
  program: string,
  words: readonly string[],
  options: SpawnOptions & { cwd: string },
): ChildProcess {
  const limited = ['-c', 'ulimit -c "$(ulimit -H -c)"; exec "$0" "$@"', program, ...words];
  return spawn('/bin/sh', limited, options);
}

/** What a crash left in a folder, by name: bytes as latin1. */
export async function filesLeftIn(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder);
  return new Map(
    await Promise.all(
      names.map(async (name) => [name, await readFile(join(folder, name), 'latin1')] as const),
    ),
  );
}
