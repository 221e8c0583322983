import { run } from './cli.ts';
import { systemClock } from './clock.ts';
import { keepHeapSmall } from './heap.ts';
import { programVersion } from './program-version.ts';
import { Refusal } from './refusal.ts';

keepHeapSmall();
// Should somebody ask Node for reports of crashes: the environment has the secret key of AWS.
process.report.excludeEnv = true;

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupt.abort(
      new Refusal('interrupted', 'Interrupted; nothing is lost. The same command goes on where it stopped.'),
    );
  });
}
// A reader of our output that left (`| head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

// No top-level await: the bundle is CommonJS, which starts faster.
void run(process.argv.slice(2), process, {
  env: process.env,
  clock: systemClock,
  random: Math.random,
  signal: interrupt.signal,
  version: programVersion(),
}).then((exitCode) => {
  process.exitCode = exitCode;
});
