import { measureIssuance } from '@aovis/provisioning-tool/benchmarks';
import { type Benchmark, type BenchmarkContext, type Figure, median } from './benchmark.ts';
import { makeOpensslCa, measureOpenssl } from './openssl-issuance.ts';

async function run({ short, directory, log }: BenchmarkContext): Promise<Figure[]> {
  const repetitions = short ? 1 : 5;
  const ours: number[] = [];
  const theirs: number[] = [];
  makeOpensslCa(directory);
  await measureIssuance(short ? 50 : 500);
  for (let i = 0; i < repetitions; i++) {
    log(`run ${i + 1} of ${repetitions}`);
    ours.push((await measureIssuance(short ? 200 : 3_000)).perSecond);
    theirs.push(measureOpenssl(directory, short ? 10 : 100));
  }
  const ratio = median(ours.map((rate, i) => rate / (theirs[i] as number)));
  return [
    {
      name: 'P-256 key and certificate, one thread',
      value: median(ours),
      unit: '/s',
      against: { name: 'one openssl process each', value: median(theirs) },
      ratio,
      bar: { text: '≥ 25 ×', met: ratio >= 25 },
    },
  ];
}

export const issuance: Benchmark = {
  id: 'p1',
  what: 'certificates issued by the provisioning tool, against one openssl process a certificate',
  needs: ['openssl'],
  run,
};
