import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Benchmark, Figure } from './benchmark.ts';
import { benchmarks } from './benchmarks.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    minutes: { type: 'string' },
  },
});

const wanted = benchmarks.filter(({ id }) => positionals.length === 0 || positionals.includes(id));
const unknown = positionals.filter((id) => !benchmarks.some((benchmark) => benchmark.id === id));
if (unknown.length > 0) {
  console.error(
    `There is no benchmark ${unknown.join(', ')}. There are: ${benchmarks.map(({ id }) => id).join(', ')}.`,
  );
  process.exit(2);
}

const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
if (minutes !== undefined && !(minutes > 0)) {
  console.error('Say how many minutes, for instance --minutes 15.');
  process.exit(2);
}

const log = (line: string): void => console.error(line);
const results: { id: string; what: string; figures: Figure[]; missing?: string }[] = [];
for (const benchmark of wanted) {
  log(`${benchmark.id}: ${benchmark.what}`);
  const missing = findMissing(benchmark);
  if (missing !== undefined) {
    log(`  not run: it needs ${missing} on the PATH`);
    results.push({ id: benchmark.id, what: benchmark.what, figures: [], missing });
    continue;
  }
  const directory = mkdtempSync(join(tmpdir(), `aovis-bench-${benchmark.id}-`));
  try {
    const figures = await benchmark.run({
      short: values.short,
      ...(minutes === undefined ? {} : { minutes }),
      directory,
      log: (line) => log(`  ${line}`),
    });
    results.push({ id: benchmark.id, what: benchmark.what, figures });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  platform: `${process.platform}-${process.arch}`,
  node: process.version,
  short: values.short,
};
if (values.json) console.log(JSON.stringify({ machine, results }, null, 2));
else {
  console.log(
    `\n${machine.cores} cores, ${machine.platform}, Node ${machine.node}${values.short ? ', short run: figures mean little' : ''}\n`,
  );
  for (const { id, figures } of results) for (const figure of figures) console.log(row(id, figure));
}

function row(id: string, figure: Figure): string {
  const against = figure.against ? ` against ${format(figure.against.value)} (${figure.against.name})` : '';
  const ratio = figure.ratio === undefined ? '' : `   ratio ${format(figure.ratio)}`;
  const bar = figure.bar === undefined ? '' : `   ${figure.bar.met ? 'meets' : 'MISSES'} ${figure.bar.text}`;
  return `${id.padEnd(4)} ${figure.name.padEnd(44)} ${format(figure.value).padStart(9)} ${figure.unit}${against}${ratio}${bar}`;
}

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

function findMissing(benchmark: Benchmark): string | undefined {
  return benchmark.needs?.find((program) => spawnSync('which', [program]).status !== 0);
}
