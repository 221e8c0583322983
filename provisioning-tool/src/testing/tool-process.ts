import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { type DiskFault, diskFaultVariable } from './disk-fault.ts';
import type { FactoryFixture } from './factory-fixture.ts';

const here = import.meta.dirname ?? __dirname;
const main = join(here, '..', 'main.ts');
const faults = pathToFileURL(join(here, 'disk-faults.ts')).href;

/** The tool as a process of its own, whose disk may fail, or that is killed. */
export class ToolProcess {
  readonly #factory: FactoryFixture;
  #child: ChildProcess | undefined;

  constructor(factory: FactoryFixture) {
    this.#factory = factory;
  }

  /** Resolves at its end; `code` is null when it was killed. */
  async run(words: readonly string[], fault?: DiskFault): Promise<{ code: number | null; stderr: string }> {
    const env = fault ? { [diskFaultVariable]: JSON.stringify(fault) } : {};
    const argv = ['--import', faults, main, ...words, '--workspace', this.#factory.workspace];
    const child = spawn(process.execPath, argv, {
      env: { ...process.env, ...this.#factory.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    const [stderr, [code]] = await Promise.all([
      text(child.stderr),
      once(child, 'exit') as Promise<[number | null]>,
    ]);
    this.#child = undefined;
    return { code, stderr };
  }

  /** With SIGKILL, if it runs. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }
}
