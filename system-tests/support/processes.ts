import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface RunningProcess {
  pid: number;
  parent: number;
  commandLine: string;
}

/** Every process of this machine that one may see and that has not ended, by `ps` (Linux and macOS). */
export async function listProcesses(): Promise<RunningProcess[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'pid=,ppid=,stat=,args='], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, state, commandLine] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    // A zombie has ended; only its parent has not asked yet.
    return commandLine === undefined || state?.startsWith('Z')
      ? []
      : [{ pid: Number(pid), parent: Number(parent), commandLine }];
  });
}

/** A process's children, their children and so on, itself not among them. */
export async function descendants(root: number): Promise<RunningProcess[]> {
  const all = await listProcesses();
  const below = (pid: number): RunningProcess[] =>
    all.filter(({ parent }) => parent === pid).flatMap((child) => [child, ...below(child.pid)]);
  return below(root);
}

/** Those that still run; a process id given to another program meanwhile does not count. */
export async function stillRunning(processes: readonly RunningProcess[]): Promise<RunningProcess[]> {
  const now = await listProcesses();
  return processes.filter(({ pid, commandLine }) =>
    now.some((process) => process.pid === pid && process.commandLine === commandLine),
  );
}
