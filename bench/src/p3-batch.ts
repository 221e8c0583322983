import { join } from 'node:path';
import { LocalSystem } from '@aovis/simulator/local-system';
import { orderOf } from '@aovis/simulator/sample-order';
import type { Benchmark, BenchmarkContext, Figure } from './benchmark.ts';

/** AWS's default quota of RegisterCertificate and of UpdateCertificate: the slowest call of a board. */
const registrationsPerSecond = 10;

async function run({ short, directory, log }: BenchmarkContext): Promise<Figure[]> {
  const boards = short ? 40 : 600;
  const system = new LocalSystem({ directory: join(directory, 'system') });
  system.open();
  try {
    await system.startDatabase();
    await system.migrate();
    await system.startCloud();
    await system.startBackend();
    await system.prepareAccount();
    await system.prepareFactory();
    const csv = system.factory.writeOrder(
      'bench',
      Array.from({ length: boards }, (_, i) => orderOf(i + 1)),
    );
    log(`${boards} boards at AWS's default quotas`);
    const startedAt = performance.now();
    await system.factory.runBatch(csv);
    const seconds = (performance.now() - startedAt) / 1000;
    await system.factory.run('batch', 'verify', 'bench', '--offline');
    const bound = boards / registrationsPerSecond;
    return [
      {
        name: `batch run of ${boards} boards, start to exit`,
        value: seconds,
        unit: 's',
        against: { name: 'quota bound', value: bound },
        ratio: bound / seconds,
        bar: { text: '≥ 0.95', met: bound / seconds >= 0.95 },
      },
    ];
  } finally {
    await system.stop();
  }
}

export const batch: Benchmark = {
  id: 'p3',
  what: "a batch against local-cloud's throttles, against the bound that AWS's quotas set",
  run,
};
