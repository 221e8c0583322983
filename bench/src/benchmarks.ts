import type { Benchmark } from './benchmark.ts';

/** Every benchmark, in the order of docs/benchmarks.md. */
export const benchmarks: readonly Benchmark[] = [];
