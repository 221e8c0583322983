/** One operation on a file that goes wrong in a run of the tool: the `at`-th of the kind on files of that name. */
export interface DiskFault {
  /** Name of the file, without its folder; for `rename` that of the target. `*`: any. */
  file: string;
  operation: 'write' | 'sync' | 'rename' | 'any';
  at: number;
  effect:
    | 'kill-before'
    | 'kill-after'
    /** Half of it reaches the disk. */
    | 'kill-torn'
    | 'enospc'
    /** Half of it reaches the disk, then it is full. */
    | 'enospc-torn';
}

export const diskFaultVariable = 'AOVIS_TEST_DISK_FAULT';
