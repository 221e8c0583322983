import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Endpoints } from '../endpoints-file.ts';

/** `npm run cloud` as a process of its own, over a state folder of its own. */
export class CloudProcess {
  readonly directory = mkdtempSync(join(tmpdir(), 'cloud-process-'));
  readonly endpointsFile = join(this.directory, 'run/endpoints.json');
  readonly #children = new Set<ChildProcess>();

  /** Runs until it is ready. */
  async start(env: Record<string, string> = {}): Promise<ChildProcess> {
    const { child, output } = this.#spawn(env);
    const ready = once(child.stdout, 'data');
    const [outcome] = await Promise.race([ready, once(child, 'exit')]);
    if (!String(outcome).includes('local-cloud is ready'))
      throw new Error(`local-cloud did not start: ${await output}`);
    return child;
  }

  /** Runs to its end, for a start that must fail. */
  async run(
    env: Record<string, string> = {},
    ...args: string[]
  ): Promise<{ code: number | null; output: string }> {
    const { child, output } = this.#spawn(env, args);
    child.stdout.resume();
    if (child.exitCode === null) await once(child, 'exit');
    return { code: child.exitCode, output: await output };
  }

  endpoints(): Endpoints {
    return JSON.parse(readFileSync(this.endpointsFile, 'utf8')) as Endpoints;
  }

  get isAnnounced(): boolean {
    return existsSync(this.endpointsFile);
  }

  async stop(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
    return child.exitCode;
  }

  /** Ends what still runs and removes the folder. */
  async dispose(): Promise<void> {
    for (const child of this.#children)
      if (child.exitCode === null && child.signalCode === null) await this.stop(child, 'SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }

  #spawn(env: Record<string, string>, args: string[] = []) {
    const child = spawn(process.execPath, [join(__dirname, '../main.ts'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        LOCAL_CLOUD_DIR: join(this.directory, 'state'),
        LOCAL_CLOUD_ENDPOINTS_FILE: this.endpointsFile,
        ...env,
      },
    });
    this.#children.add(child);
    return { child, output: text(child.stderr) };
  }
}
