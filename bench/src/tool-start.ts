import { join } from 'node:path';
import { type Benchmark, type BenchmarkContext, type Figure, median } from './benchmark.ts';
import { runProgram } from './run-program.ts';

const tool = join(import.meta.dirname, '../../provisioning-tool');
const barMs = 150;

/** The built provisioning tool from its start to its end, in turn with a Node that does nothing. */
async function run({ short, directory, log }: BenchmarkContext): Promise<Figure[]> {
  log('building');
  await runProgram('node', [join(tool, 'build.ts'), directory]);
  const program = join(directory, 'aovis-provision.cjs');
  const commands = {
    'aovis-provision --version': [program, '--version'],
    'aovis-provision --help': [program, '--help'],
    'aovis-provision batch run --help': [program, 'batch', 'run', '--help'],
    'node -e 0': ['-e', '0'],
  };
  const times = new Map<string, number[]>(Object.keys(commands).map((name) => [name, []]));
  for (let i = 0; i < (short ? 1 : 25); i++)
    for (const [name, args] of Object.entries(commands))
      times.get(name)?.push((await runProgram('node', args)).seconds * 1000);
  const medianOf = (name: string) => median(times.get(name) ?? []);
  const nothing = medianOf('node -e 0');
  return Object.keys(commands)
    .filter((name) => name !== 'node -e 0')
    .map((name) => ({
      name,
      value: medianOf(name),
      unit: 'ms',
      against: { name: 'node -e 0', value: nothing },
      bar: { text: `< ${barMs} ms`, met: medianOf(name) < barMs },
    }));
}

export const toolStart: Benchmark = {
  id: 'start',
  what: 'how long the provisioning tool, built as one file, takes to start',
  run,
};
