import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Benchmark, BenchmarkContext, Figure } from './benchmark.ts';
import { median } from './benchmark.ts';
import { runProgram } from './run-program.ts';

interface Run {
  seconds: number;
  perSecond: number;
  peakMib: number;
}

/** Flat: what 99,000 boards more may cost, 200 bytes each for the journal's state included. */
const mostGrowth = 1.2;

async function run({ short, directory, log }: BenchmarkContext): Promise<Figure[]> {
  const measureOnce = async (boards: number, ...more: string[]): Promise<Run> => {
    const folder = join(directory, 'boards');
    const program = join(import.meta.dirname, 'offline-batch.ts');
    const { stdout } = await runProgram(process.execPath, [program, String(boards), folder, ...more]);
    rmSync(folder, { recursive: true, force: true });
    return JSON.parse(stdout) as Run;
  };
  const [few, some, many] = short ? [50, 200, 400] : [1_000, 10_000, 100_000];
  const parts = short ? 2 : 10;
  const ratios: number[] = [];
  const rates: number[] = [];
  const raws: number[] = [];
  // In turns and in parts, each side first as often as the other: the machine's other work comes and goes within minutes.
  for (let i = 0; i < parts; i++) {
    log(`${some / parts} boards and their bare writes, ${i + 1} of ${parts}`);
    const sides = [() => measureOnce(some / parts), () => measureOnce(some / parts, 'raw')] as const;
    const order = i % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
    const runs: Run[] = [];
    for (const side of order) runs[side] = await sides[side]();
    const [ours, raw] = runs as [Run, Run];
    rates.push(ours.perSecond);
    raws.push(raw.perSecond);
    ratios.push(ours.perSecond / raw.perSecond);
  }
  log(`memory with ${few} and ${many} boards`);
  const least = await measureOnce(few);
  const most = await measureOnce(many);
  const growth = most.peakMib / least.peakMib;
  return [
    {
      name: `offline batch of ${some} boards, 4 synced files, label and journal each`,
      value: median(rates),
      unit: '/s',
      against: { name: 'the same writes and syncs alone', value: median(raws) },
      ratio: median(ratios),
      bar: { text: '≥ 0.7', met: median(ratios) >= 0.7 },
    },
    {
      name: `peak memory with ${many} boards`,
      value: most.peakMib,
      unit: 'MiB',
      against: { name: `${few} boards`, value: least.peakMib },
      ratio: growth,
      bar: { text: `flat (≤ ${mostGrowth} ×)`, met: growth <= mostGrowth },
    },
  ];
}

export const offlineBatch: Benchmark = {
  id: 'p2',
  what: 'the local work of a batch against its bare writes, and its memory with few and many boards',
  run,
};
