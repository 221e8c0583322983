/**
 * How the agent is started on a board, so that it stays below 75 MiB (docs/benchmarks.md, p6): the first line of the
 * built program, the systemd units, the simulator and the benchmarks say the same. `build.ts` puts the rest into the program.
 */

/** What has to be there before V8 starts. */
export const nodeFlags = [
  // A small young generation: the agent makes little garbage. 14 MiB.
  '--max-semi-space-size=1',
  // Waking helpers costs more than so little garbage is worth: a tenth of the CPU.
  '--single-threaded-gc',
] as const;

/** What has to be there before the process starts: settings of glibc, mallopt(3). musl does not know them and does not need them. */
export const launchEnvironment = {
  // One pool for all threads: each would keep its own. 1 MiB.
  MALLOC_ARENA_MAX: '1',
  // Blocks from this size on go back to the kernel when they are freed. It is the default, which glibc raises to a megabyte as
  // soon as the program itself has been read and freed, unless told: what is freed later then stays. 4 MiB.
  MALLOC_MMAP_THRESHOLD_: '131072',
} as const;

/** Set by the program itself, so that nobody has to remember them. */
export const v8Flags = [
  // The optimizing compilers: 10 MiB. What the agent does most is done in native code.
  '--no-opt',
  '--no-maglev',
  // Old objects are collected when 2 MiB have come, not 8: pictures that have been sent are among them. 4 MiB.
  '--optimize-for-size',
] as const;

/**
 * Small buffers share pieces of so many bytes. Node 24 takes 64 KiB, in which a picture that waits for its acknowledgement keeps
 * seven that nobody needs any more. 3 MiB.
 */
export const bufferPoolBytes = 8_192;

/** As a shell takes it, without the program: `MALLOC_… node --max-…`. */
export const launchLine = [
  ...Object.entries(launchEnvironment).map(([name, value]) => `${name}=${value}`),
  'node',
  ...nodeFlags,
].join(' ');
