import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@aovis/simulator/wait-for';

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * A copy of this machine with a systemd and a journald of its own, on which packages are installed and nothing of it stays. It
 * shares the network, so that it reaches what listens here. Needs Linux, root, systemd and nsenter.
 */
export class Machine {
  readonly #init: ChildProcess;
  readonly #directory: string;
  readonly #cgroup: string;

  private constructor(init: ChildProcess, directory: string, cgroup: string) {
    this.#init = init;
    this.#directory = directory;
    this.#cgroup = cgroup;
  }

  static async boot(): Promise<Machine> {
    const directory = mkdtempSync(join(tmpdir(), 'aovis-machine-'));
    const cgroup = join(cgroupMount(), `aovis-test-${process.pid}`);
    mkdirSync(cgroup);
    const namespaces = ['--pid', '--mount', '--cgroup', '--uts', '--ipc', '--fork', '--kill-child'];
    const boot = join(import.meta.dirname, 'boot.sh');
    const init = spawn(
      '/bin/sh',
      ['-c', 'echo $$ >"$0/cgroup.procs" && exec "$@"', cgroup, 'unshare', ...namespaces, boot, directory],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    const machine = new Machine(init, directory, cgroup);
    try {
      await waitFor('systemd on the copy of this machine', async () => {
        const { code, stderr } = await machine.try('systemctl', 'is-active', 'test.target');
        if (code !== 0) throw new Error(stderr);
        return true;
      });
      return machine;
    } catch (error) {
      await machine.stop();
      throw error;
    }
  }

  /** Runs a program there; rejects with what it said when it fails. */
  async run(program: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.try(program, ...args);
    if (code !== 0) throw new Error(`${[program, ...args].join(' ')} ended with ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Runs a program there, whatever comes of it. */
  try(program: string, ...args: string[]): Promise<Ended> {
    return this.#enter([program, ...args]);
  }

  /** Writes a file there. */
  async write(path: string, content: Buffer): Promise<void> {
    const { code, stderr } = await this.#enter(
      ['/bin/sh', '-c', 'mkdir -p "${0%/*}" && cat >"$0"', path],
      content,
    );
    if (code !== 0) throw new Error(`${path} cannot be written there: ${stderr}`);
  }

  async stop(): Promise<void> {
    if (this.#init.exitCode === null && this.#init.signalCode === null) {
      this.#init.kill('SIGKILL');
      await once(this.#init, 'exit');
    }
    rmSync(this.#directory, { recursive: true, force: true });
    await waitFor('the end of all processes there', async () => {
      removeCgroups(this.#cgroup);
      return true;
    });
  }

  #enter(command: readonly string[], input?: Buffer): Promise<Ended> {
    const { pid } = this.#init;
    const inside = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive' };
    const where = [
      '--target',
      inside,
      '--mount',
      '--pid',
      '--cgroup',
      '--uts',
      '--ipc',
      '--root',
      '--wd',
      '--',
    ];
    return new Promise((resolve) => {
      const child = execFile('nsenter', [...where, ...command], { env }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
      );
      child.stdin?.end(input);
    });
  }
}

/** Where this machine has its cgroups of version 2. */
function cgroupMount(): string {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const path = mounts.map((line) => line.split(' ')).find(([, , type]) => type === 'cgroup2')?.[1];
  if (path === undefined)
    throw new Error('This machine has no cgroups of version 2: systemd cannot be tried on it.');
  return path;
}

/** Innermost first; throws while processes are in one of them. */
function removeCgroups(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeCgroups(join(path, entry.name));
  rmdirSync(path);
}
