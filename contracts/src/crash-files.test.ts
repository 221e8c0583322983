import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { coreFilterPath } from './crash-files.ts';

const sources = join(import.meta.dirname, 'crash-files.ts');

function askedOfANewProcess(expression: string): unknown {
  const program = `import { leaveNoCrashFiles } from ${JSON.stringify(sources)};
    import { readFileSync } from 'node:fs';
    leaveNoCrashFiles();
    leaveNoCrashFiles();
    process.stdout.write(JSON.stringify(${expression}));`;
  const options = ['--report-on-fatalerror', '--report-uncaught-exception', '--report-on-signal'];
  const words = [...options, '--input-type=module', '--eval', program];
  return JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' }));
}

/** Linux only. */
const systemHasFilter = existsSync(coreFilterPath);

it('no kind of memory is taken into a core file, and children keep to it', () => {
  const read = `(readFileSync('${coreFilterPath}', 'latin1'))`;
  const inherited = `(await import('node:child_process')).execFileSync('cat', ['${coreFilterPath}'], { encoding: 'latin1' })`;
  for (const expression of [read, inherited])
    expect(askedOfANewProcess(systemHasFilter ? expression : '"00000000\\n"')).toBe('00000000\n');
});

it('no report is written, whatever Node was asked for', () => {
  const switches = ['reportOnFatalError', 'reportOnSignal', 'reportOnUncaughtException'];
  expect(askedOfANewProcess(`[${switches.map((name) => `process.report.${name}`).join(', ')}]`)).toEqual([
    false,
    false,
    false,
  ]);
});
