import { type AgentConfig, settings } from '../config.ts';
import { buildInfo } from '../host/build-info.ts';
import { systemClock } from '../host/clock.ts';
import { stateDirectoryAt } from '../host/state-directory.ts';
import { loadBundle } from '../identity/bundle.ts';
import { exitCodes } from '../refusal.ts';
import { readStatus } from '../status/status-client.ts';
import { runClock } from '../timekeeping/clock-command.ts';
import { askTheTime } from '../timekeeping/time-answer.ts';
import { examineBoard } from './doctor/doctor.ts';
import { renderReport } from './doctor/render-report.ts';
import { type JournalQuery, readJournal } from './logs/journal.ts';
import { entryAsJson, renderEntry } from './logs/log-entry.ts';
import { noLines, refuseForeignDirectory } from './logs/no-lines.ts';
import { readLogs } from './logs/read-logs.ts';
import { resetBoard, resetSentence } from './reset.ts';

/** Each of these is a command of `aovis-agent`; it answers the exit code. */
type Print = (text: string) => void;

export async function runDoctor(config: AgentConfig, json: boolean, print: Print): Promise<number> {
  const report = await examineBoard({ config, clock: systemClock, builtAt: buildInfo.builtAt, readStatus });
  print(`${json ? JSON.stringify(report) : renderReport(report)}\n`);
  return report.ok ? 0 : exitCodes.doctorFound;
}

export async function printLogs(
  { state }: AgentConfig,
  { json, ...query }: JournalQuery & { json: boolean },
  print: Print,
): Promise<number> {
  const entries = await readLogs({
    ...query,
    directory: stateDirectoryAt(state).log,
    // The journal has the lines of the service, whose state directory is the default one.
    ...(state === settings.state.default ? { readJournal } : {}),
  });
  if (entries.length === 0) await refuseForeignDirectory(state);
  for (const entry of entries) print(`${json ? entryAsJson(entry) : renderEntry(entry)}\n`);
  if (entries.length === 0 && !json) print(noLines(state));
  return 0;
}

export async function checkClock(
  config: AgentConfig,
  how: { set: boolean; whenInDoubt: boolean },
  print: Print,
): Promise<number> {
  const bundle = await loadBundle(config.bundle);
  return runClock({
    ...how,
    bundle,
    print,
    clock: systemClock,
    builtAt: buildInfo.builtAt,
    ask: () => askTheTime(bundle, systemClock),
    doubtPath: stateDirectoryAt(config.state).clockDoubt,
    program: config.clockCommand,
  });
}

export async function runReset(
  { state }: AgentConfig,
  { yes, stopAgent }: { yes: boolean; stopAgent: boolean },
  print: Print,
): Promise<number> {
  if (!yes) {
    print(`${resetSentence}\nTo do it, say so: aovis-agent reset --yes\n`);
    return exitCodes.notConfirmed;
  }
  await resetBoard({
    state: stateDirectoryAt(state),
    clock: systemClock,
    stopAgent,
    terminate: (pid) => process.kill(pid, 'SIGTERM'),
  });
  print(`The state directory ${state} is that of a board fresh from the factory.\n`);
  return 0;
}
