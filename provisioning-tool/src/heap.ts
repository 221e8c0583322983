import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the process as small with 100,000 boards as with 1,000. What a batch holds at a time is little, but V8 lets its
 * heap grow with what passes through it: the young generation doubles up to 48 MiB (three semi-spaces), and the old
 * one is collected only when it is several times what was alive. Here the young one stays as it is, and the old one is
 * collected at a fifth above. Flags that V8 reads at each collection, so that they may be set by a running
 * program: the start of a process with flags of its own would take longer than many a command.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=20');
}
