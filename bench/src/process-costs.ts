import { existsSync, readFileSync } from 'node:fs';
import { median } from './benchmark.ts';

/** The costs of another process are read from /proc: on Linux. */
export const canReadCosts = existsSync('/proc/self/smaps_rollup');

export interface Cost {
  cpuSeconds: number;
  peakRssMiB: number;
}

export interface MemoryCost extends Cost {
  /** Resident, a sample a second. */
  rssMiB: readonly number[];
  /** Of the last sample: what is the process's own. The rest are pages of files, most of the node program, shared by all who run it. */
  anonymousMiB: number;
}

/** Watches a process for so long. */
export async function watchCosts(pid: number, seconds: number): Promise<MemoryCost> {
  const rssMiB: number[] = [];
  const end = performance.now() + seconds * 1_000;
  while (performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    rssMiB.push(rssOf(pid));
  }
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return { ...costOf(pid), rssMiB, anonymousMiB: mebibytes(rollup, 'Anonymous') };
}

/** What the process has in memory at this moment, MiB. */
export function rssOf(pid: number): number {
  return mebibytes(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmRSS');
}

/** The median of the middle third of the samples and of the last: whether memory is flat. The first third is for warming up. */
export function levelsOf(samples: readonly number[]): { middle: number; last: number } {
  const third = samples.length / 3;
  const between = (from: number, to?: number): number => median(samples.slice(Math.floor(from), to));
  return { middle: between(third, Math.floor(2 * third)), last: between(2 * third) };
}

/** proc_pid_stat(5), proc_pid_status(5); the kernel counts CPU time in hundredths of a second for every program. */
function costOf(pid: number): Cost {
  const [, afterName = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const fields = afterName.split(' ');
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    peakRssMiB: mebibytes(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmHWM'),
  };
}

function mebibytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) / 1024;
}
