import type { Benchmark } from './benchmark.ts';
import { streaming } from './p6-streaming.ts';

/** Every benchmark, in the order of docs/benchmarks.md. */
export const benchmarks: readonly Benchmark[] = [streaming];
