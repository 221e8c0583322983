import { leaveNoCrashFiles } from '@aovis/contracts/crash-files';
import { reportUncaught, run } from './cli.ts';
import { systemClock } from './clock.ts';
import type { Surroundings } from './commands/command-context.ts';
import { keepHeapSmall } from './heap.ts';
import { programVersion } from './program-version.ts';
import { exitCodes, Refusal } from './refusal.ts';

leaveNoCrashFiles();
keepHeapSmall();

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

const argv = process.argv.slice(2);
const surroundings: Surroundings = {
  env: process.env,
  clock: systemClock,
  random: Math.random,
  signal: interrupt.signal,
  version: programVersion(),
  execArgv: process.execArgv,
};

// Node itself would print the error with its source line and all its properties.
process.once('uncaughtException', (error) => {
  void reportUncaught(error, argv, process, surroundings).then(
    (exitCode) => process.exit(exitCode),
    () => process.exit(exitCodes.unexpected),
  );
});

// No top-level await: the bundle is CommonJS, which starts faster.
void run(argv, process, surroundings).then((exitCode) => {
  process.exitCode = exitCode;
});
