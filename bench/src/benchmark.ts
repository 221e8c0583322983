/** One figure of a benchmark: what was measured, against what in the same run, and the ratio that the bar is about. */
export interface Figure {
  name: string;
  value: number;
  unit: string;
  /** What it is compared with, measured in the same run. */
  against?: { name: string; value: number };
  /** `value` over `against`, or what the bar speaks of. */
  ratio?: number;
  bar?: { text: string; met: boolean };
}

export interface BenchmarkContext {
  /** A short run only shows that the benchmark works; its figures mean little. */
  short: boolean;
  /** Benchmarks that can run for long do so, for so many minutes. */
  minutes?: number;
  /** An empty folder of this run's own, removed afterwards. */
  directory: string;
  log: (line: string) => void;
}

export interface Benchmark {
  /** As in docs/benchmarks.md. */
  id: string;
  what: string;
  /** Programs that must be on the PATH; without them the benchmark says so and counts as not run. */
  needs?: readonly string[];
  run(context: BenchmarkContext): Promise<Figure[]>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) throw new Error('No values to take the median of.');
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}
