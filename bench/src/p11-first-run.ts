import { join } from 'node:path';
import type { Benchmark, BenchmarkContext, Figure } from './benchmark.ts';
import { runProgram } from './run-program.ts';

const repository = join(import.meta.dirname, '../..');

/** From a fresh clone: what a newcomer waits for. Needs the package registry or npm's cache. */
async function run({ directory, log }: BenchmarkContext): Promise<Figure[]> {
  const clone = join(directory, 'clone');
  await runProgram('git', ['clone', '--quiet', repository, clone]);
  log('npm ci');
  const install = await runProgram('npm', ['ci'], { cwd: clone });
  log('npm run demo');
  const demo = await runProgram('npm', ['run', 'demo'], { cwd: clone });
  const seconds = install.seconds + demo.seconds;
  return [
    { name: 'npm ci', value: install.seconds, unit: 's' },
    { name: 'npm run demo', value: demo.seconds, unit: 's' },
    {
      name: 'fresh clone → main job shown',
      value: seconds,
      unit: 's',
      bar: { text: '< 120 s', met: seconds < 120 },
    },
  ];
}

export const firstRun: Benchmark = {
  id: 'p11',
  what: 'a fresh clone, npm ci and the main job',
  needs: ['git', 'npm'],
  run,
};
