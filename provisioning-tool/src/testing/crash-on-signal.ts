import { readFileSync } from 'node:fs';

/*
 * `node --import …/crash-on-signal.ts …`: the program then crashes on SIGWINCH, in the way that CRASH names. For tests of what
 * a crash leaves behind.
 */
const failure = (): Error => {
  // As if the defect had stumbled over it: the worst message and the worst property there could be.
  const secret = readFileSync(process.env['CRASH_TEXT'] ?? '', 'utf8');
  return Object.assign(new Error(`cannot read ${secret}`), { input: secret });
};

function fillMemory(): never {
  const kept: unknown[] = [];
  for (;;) kept.push(Array.from({ length: 1_000 }, (_, i) => ({ i })));
}

process.on('SIGWINCH', () => {
  if (process.env['CRASH'] === 'memory') fillMemory();
  if (process.env['CRASH'] === 'rejection') void Promise.reject(failure());
  else throw failure();
});
