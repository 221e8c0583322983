import { writeFileSync } from 'node:fs';

/**
 * Linux takes only the kinds of memory that this process's filter names into a core file; 0 names none (core(5),
 * «Controlling which mappings are written to the core dump»). It holds for files as for programs that take cores in, and
 * children inherit it.
 */
export const coreFilterPath = '/proc/self/coredump_filter';

/**
 * Keeps what this process has in memory and in its environment out of the files that a crash leaves: the first thing that a
 * program with secrets does. A core file then holds the processor's registers and the command line only; Node's
 * reports (`--report-on-fatalerror` and the like), which quote the environment and the error's message, are switched off.
 * Where the system has no such filter nothing changes: there `ulimit -c 0` is the operator's to set.
 */
export function leaveNoCrashFiles(): void {
  const { report } = process;
  report.reportOnFatalError = false;
  report.reportOnSignal = false;
  report.reportOnUncaughtException = false;
  try {
    writeFileSync(coreFilterPath, '0', { flag: 'r+' });
  } catch {
    // Not Linux, or one that was built without core files.
  }
}
