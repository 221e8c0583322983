import { type Figure, median } from './benchmark.ts';
import { levelsOf, type MemoryCost } from './process-costs.ts';

const peakBarMiB = 75;
/** As for the soak: medians of many samples hardly move by themselves. */
const growthBarMiB = 3;
/** Buffers find their size and code is read in the first minutes: no word on growth of a shorter run. */
const flatFromSeconds = 300;

/** What the whole agent costs from its start on, with its connection, shadow and credentials. */
export function wholeAgentFigures(runs: readonly MemoryCost[], seconds: number): Figure[] {
  if (runs.length === 0) return [];
  const of = (figure: (run: MemoryCost) => number): number => median(runs.map(figure));
  const peak = of(({ peakRssMiB }) => peakRssMiB);
  return [
    {
      name: `CPU for start and ${seconds} s of streaming, whole agent, all by TLS`,
      value: of(({ cpuSeconds }) => cpuSeconds),
      unit: 'CPU-s',
    },
    {
      name: 'peak memory, whole agent, all by TLS',
      value: peak,
      unit: 'MiB',
      bar: { text: `≤ ${peakBarMiB} MiB`, met: peak <= peakBarMiB },
    },
    {
      name: 'its own at the end, without pages of files',
      value: of(({ anonymousMiB }) => anonymousMiB),
      unit: 'MiB',
    },
    ...(seconds < flatFromSeconds ? [] : runs.map(flatness)),
  ];
}

function flatness({ rssMiB }: MemoryCost): Figure {
  const { middle, last } = levelsOf(rssMiB);
  return {
    name: 'its memory, median of the last third',
    value: last,
    unit: 'MiB',
    against: { name: 'median of the middle third', value: middle },
    bar: { text: `grows ≤ ${growthBarMiB} MiB`, met: last - middle <= growthBarMiB },
  };
}
