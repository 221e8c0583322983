import { readFileSync } from 'node:fs';
import { coreFilterPath } from '@aovis/contracts/crash-files';
import { Warning } from './check.ts';

/** What decides whether the system would write this program's memory to a disk when it crashes. */
export interface CrashFacts {
  /** Bits of the kinds of memory that a core file takes in; undefined where the system has no such filter. */
  coreFilter: number | undefined;
  /** `kernel.core_pattern`: a file name, or `|` and a program; undefined elsewhere than on Linux. */
  corePattern: string | undefined;
  /** The soft limit of core files, «unlimited» or a number; undefined where there is none. */
  coreLimit: string | number | undefined;
}

export function readCrashFacts(): CrashFacts {
  const filter = textOf(coreFilterPath);
  return {
    coreFilter: filter === undefined ? undefined : Number.parseInt(filter, 16),
    corePattern: textOf('/proc/sys/kernel/core_pattern'),
    coreLimit: coreLimit(),
  };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return undefined;
  }
}

/** Node tells the limits of any system in its report. */
function coreLimit(): string | number | undefined {
  const report = process.report.getReport() as {
    userLimits?: { core_file_size_blocks?: { soft: string | number } };
  };
  return report.userLimits?.core_file_size_blocks?.soft;
}

/**
 * @returns why a crash of this program leaves no memory on the disk
 * @throws Warning when it may, with what to do
 */
export function crashFilesVerdict({ coreFilter, corePattern, coreLimit: limit }: CrashFacts): string {
  if (coreFilter === 0) return 'core files hold no memory of this program';
  // core(5): the limit is not enforced for cores that are piped to a program.
  const handler =
    corePattern?.startsWith('|') === true ? corePattern.slice(1).trim().split(' ')[0] : undefined;
  if (handler !== undefined)
    throw new Warning(
      `${handler} takes in core files, and they would hold keys and codes; switch it off ` +
        '(systemd-coredump: Storage=none and ProcessSizeMax=0 in coredump.conf; else: sysctl kernel.core_pattern=core)',
    );
  if (corePattern === '' || limit === 0) return 'none are written';
  throw new Warning(
    'a crash would write a core file with keys and codes in it; type «ulimit -c 0» before this program ' +
      'is started, and put it into the profile of the operators',
  );
}
