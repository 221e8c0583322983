import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { runBoard } from './add-board.ts';
import { runApp } from './app-command.ts';
import { pressButton } from './board.ts';
import { runDemo } from './demo.ts';
import { runJob } from './job-command.ts';
import { sampleModels } from './sample-order.ts';
import { runStart } from './start.ts';
import { StepReport } from './step-report.ts';
import { SystemFolder } from './system-folder.ts';

type SampleModel = (typeof sampleModels)[number];

const local = resolve(import.meta.dirname, '../../.local');
// An empty variable is no address.
const databaseUrl = process.env['DATABASE_URL'] || undefined;

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
}

const report = new StepReport({ signal: stop.signal });

const program = new Command('simulator')
  .description('The whole of AOVIS Direct on one laptop.')
  .showHelpAfterError();
program
  .command('demo')
  .description('do the main job once, unattended: from the factory line to the picture')
  .option('--directory <path>', 'where its state goes; emptied first', join(local, 'demo'))
  .action(({ directory }: { directory: string }) =>
    runDemo({ directory: resolve(directory), databaseUrl, report, signal: stop.signal }),
  );
program
  .command('start')
  .description('start everything and stay up until Ctrl-C')
  .option('--directory <path>', 'where its state is kept', join(local, 'system'))
  .action(({ directory }: { directory: string }) =>
    runStart({
      directory: resolve(directory),
      endpointsFile: endpointsOf(directory),
      databaseUrl,
      report,
      signal: stop.signal,
    }),
  );
program
  .command('board')
  .description('provision one more board of the running system and switch it on, until Ctrl-C')
  .option('--directory <path>', 'the state of the running system', join(local, 'system'))
  .option('--source <source>', 'what its camera sees: clip, testsrc, file:PATH, rtsp://…', 'clip')
  .addOption(
    new Option('--model <model>', 'p4k: its boards confirm their activation themselves')
      .choices(sampleModels)
      .default('n4k'),
  )
  .action(({ directory, source, model }: { directory: string; source: string; model: SampleModel }) =>
    runBoard({
      directory: resolve(directory),
      endpointsFile: endpointsOf(directory),
      source,
      model,
      report,
      signal: stop.signal,
    }),
  );
program
  .command('button')
  .description('press the button of a board: it can be claimed for 15 minutes, while nobody owns it')
  .argument('<board>', 'a board of this system that is switched on')
  .option('--directory <path>', 'the state of the running system', join(local, 'system'))
  .action(async (board: string, { directory }: { directory: string }) => {
    const sentence = await pressButton(new SystemFolder(resolve(directory)).boardState(board));
    process.stdout.write(`${sentence}\n`);
  });
program
  .command('job')
  .description('give a board a job, as operations does, and wait for its end; or list the latest jobs')
  .argument(
    '[words...]',
    'list | <board> reboot | <board> rotate-certificate | <board> upload-logs | <board> update-agent [version]',
  )
  .option('--directory <path>', 'the state of the running system', join(local, 'system'))
  .option('--job <id>', 'go on with this job, which was interrupted')
  .action((words: string[], { directory, job }: { directory: string; job?: string }) =>
    runJob({
      directory: resolve(directory),
      endpointsFile: endpointsOf(directory),
      words,
      jobId: job,
      write: (text) => process.stdout.write(text),
    }),
  );
program
  .command('app')
  .description('do what the customer’s app does: devices, activate, play, call')
  .argument('<email>', 'who signs in; the link is taken from the mail sink')
  .argument(
    '[words...]',
    'devices | activate <board> <code> | play <board> | live <board> | configure <board> <json> | call <METHOD> <path> [json]',
  )
  .option('--directory <path>', 'the state of the running system', join(local, 'system'))
  .action((email: string, words: string[], { directory }: { directory: string }) =>
    runApp({
      endpointsFile: endpointsOf(directory),
      sessionsFile: join(resolve(directory), 'secrets', 'app-sessions.json'),
      email,
      words,
      signal: stop.signal,
      write: (text) => process.stdout.write(text),
    }),
  );

try {
  await program.parseAsync();
  if (stop.signal.aborted) process.stdout.write('\nStopped.\n');
} catch (error) {
  const stopped = stop.signal.aborted;
  process.stderr.write(stopped ? '\nStopped.\n' : `\n${explain(error)}\n`);
  process.exitCode = stopped ? 130 : 1;
}
// Nothing is left to do; a socket that a library keeps alive must not keep the terminal.
process.exit();

/** A system tells where it is in a file beside its folder. */
function endpointsOf(directory: string): string {
  return join(resolve(directory), '..', 'endpoints.json');
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\n${explain(error.cause)}`;
}
