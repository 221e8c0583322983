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
  const ratios: number[] = [];
  const rates: number[] = [];
  const raws: number[] = [];
  for (let i = 0; i < (short ? 1 : 3); i++) {
    log(`${some} boards and their bare writes, run ${i + 1}`);
    const ours = await measureOnce(some);
    const raw = await measureOnce(some, 'raw');
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
