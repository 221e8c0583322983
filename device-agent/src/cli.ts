import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { pressButton } from './binding/press-button.ts';
import { loadConfig, type SettingName, settingNames, settings } from './config.ts';
import { parseEventArguments } from './events/event-command.ts';
import { type EventRequest, reportableTypes } from './events/event-request.ts';
import { reportEvent } from './events/report-event.ts';
import { buildInfo } from './host/build-info.ts';
import { systemClock } from './host/clock.ts';
import { type EntryLevel, logLevels } from './operating/logs/log-entry.ts';
import type * as operating from './operating/operating-actions.ts';
import { exitCodes, Refusal } from './refusal.ts';
import { type RunContext, runAgent } from './run-agent.ts';
import { renderStatus } from './status/render-status.ts';
import { readStatus } from './status/status-client.ts';

export interface CliContext extends RunContext {
  stdout: (text: string) => void;
  stderr: (text: string) => void;
}

type Flags = Record<string, string | undefined>;

interface LogsFlags {
  json?: boolean;
  lines: number;
  level: EntryLevel;
  state?: string;
}

interface ClockFlags {
  set?: boolean;
  whenInDoubt?: boolean;
  bundle?: string;
  state?: string;
  clockCommand?: string;
}

interface ResetFlags {
  yes?: boolean;
  stopAgent?: boolean;
  state?: string;
}

const defaultLogLines = 200;

/** Runs the command line and answers the exit code. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  let exitCode = 0;
  const program = new Command('aovis-agent')
    .description('Connects a camera board to the cloud: shadow, video, events, commands.')
    .version(buildInfo.version)
    .exitOverride()
    .configureOutput({ writeOut: context.stdout, writeErr: context.stderr });

  const run = program
    .command('run')
    .description('Run until SIGTERM or SIGINT. Logs JSON lines to standard error.');
  for (const name of settingNames) addOption(run, name);
  run.action(async (flags: Flags) => {
    exitCode = await runAgent(loadConfig({ env: context.env, flags: byName(flags) }), context);
  });

  const status = program
    .command('status')
    .description('Show on one screen what the running agent does, and what keeps it from doing it.')
    .option('--json', 'the same as JSON');
  addOption(status, 'state');
  status.action(async ({ json, ...flags }: Flags & { json?: string }) => {
    const { state } = loadConfig({ env: context.env, flags: byName(flags) });
    exitCode = await showStatus(state, json !== undefined, context);
  });

  const doctor = program
    .command('doctor')
    .description(
      'Look at everything between this board and the cloud, and explain the first thing that fails.',
    )
    .option('--json', 'the report as JSON');
  for (const name of ['bundle', 'state'] as const) addOption(doctor, name);
  doctor.action(async ({ json, ...flags }: Flags & { json?: string }) => {
    const config = loadConfig({ env: context.env, flags: byName(flags) });
    const { runDoctor } = await operatingActions();
    exitCode = await runDoctor(config, json !== undefined, context.stdout);
  });

  const logs = program
    .command('logs')
    .description(
      "Show the agent's last log lines, without secrets: from journald, or from the log file without it.",
    )
    .addOption(new Option('--lines <n>', 'how many').default(defaultLogLines).argParser(lineCount))
    .addOption(
      new Option('--level <level>', 'the least important to show').default('debug').choices(logLevels),
    )
    .option('--json', 'a JSON object a line');
  addOption(logs, 'state');
  logs.action(async ({ json, lines, level, state }: LogsFlags) => {
    const config = loadConfig({ env: context.env, flags: byName({ state }) });
    const { printLogs } = await operatingActions();
    exitCode = await printLogs(config, { lines, level, json: json === true }, context.stdout);
  });

  const reset = program
    .command('reset')
    .description('Make the board what it was when it left the factory; its identity stays.')
    .option('--yes', 'do it; without this it is only said what would be removed')
    .option('--stop-agent', 'end the agent first if it runs; systemd starts it again');
  addOption(reset, 'state');
  reset.action(async ({ yes, stopAgent, state }: ResetFlags) => {
    const config = loadConfig({ env: context.env, flags: byName({ state }) });
    const { runReset } = await operatingActions();
    exitCode = await runReset(config, { yes: yes === true, stopAgent: stopAgent === true }, context.stdout);
  });

  const clock = program
    .command('clock')
    .description("Hold this board's clock against the cloud's, and set it when told to.")
    .option('--set', 'set it when it is wrong; needs the right to (root, or CAP_SYS_TIME)')
    .option('--when-in-doubt', 'do nothing unless the clock cannot be right, or the agent that runs says so');
  for (const name of ['bundle', 'state', 'clockCommand'] as const) addOption(clock, name);
  clock.action(async ({ set, whenInDoubt, bundle, state, clockCommand }: ClockFlags) => {
    const config = loadConfig({ env: context.env, flags: byName({ bundle, state, clockCommand }) });
    const { checkClock } = await operatingActions();
    const how = { set: set === true, whenInDoubt: whenInDoubt === true };
    exitCode = await checkClock(config, how, context.stdout);
  });

  const claim = program
    .command('claim')
    .description('The button of the board: let it be claimed for 15 minutes, while nobody owns it.');
  addOption(claim, 'state');
  claim.action(async (flags: Flags) => {
    const { state } = loadConfig({ env: context.env, flags: byName(flags) });
    exitCode = await claimBoard(state, context);
  });

  const event = program
    .command('event')
    .description('Tell the cloud of something that another program on the board has seen.')
    .addArgument(new Argument('<type>').choices(reportableTypes))
    .option('--data <json>', 'a JSON object that says more, e.g. {"zone":"door"}');
  addOption(event, 'state');
  event.action(async (type: string, { data, ...flags }: Flags) => {
    const { state } = loadConfig({ env: context.env, flags: byName(flags) });
    exitCode = await tellEvent(state, parseEventArguments(type, data), context);
  });

  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error, context);
  }
}

/** Loaded only where it is needed: the agent that runs shall not carry it. */
const operatingActions = (): Promise<typeof operating> => import('./operating/operating-actions.ts');

function lineCount(text: string): number {
  const lines = Number(text);
  if (!Number.isInteger(lines) || lines < 1) throw new InvalidArgumentError('use a whole number from 1.');
  return lines;
}

function addOption(command: Command, name: SettingName): void {
  const { flag, sentence, variable, default: defaultText } = settings[name];
  command.option(flag, `${sentence} (${variable}, default ${defaultText})`);
}

/** commander names values after the flag; settings are named after what they are. */
function byName(flags: Flags): Partial<Record<SettingName, string>> {
  const entries = settingNames.flatMap((name): [SettingName, string][] => {
    const key = settings[name].flag.slice(2).split(' ')[0] ?? '';
    const value = flags[key.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(entries);
}

async function showStatus(directory: string, json: boolean, { stdout }: CliContext): Promise<number> {
  const status = await readStatus(directory);
  if (status !== undefined) {
    stdout(`${json ? JSON.stringify(status) : renderStatus(status, systemClock.now())}\n`);
    return 0;
  }
  stdout(`${json ? JSON.stringify({ running: false }) : notRunning(directory)}\n`);
  return exitCodes.notRunning;
}

function notRunning(directory: string): string {
  return (
    `The agent is not running: nothing answers in the state directory ${directory}. ` +
    'Start it with aovis-agent run, or name its directory with --state DIR.'
  );
}

async function claimBoard(directory: string, { stdout }: CliContext): Promise<number> {
  const answer = await pressButton(directory);
  stdout(`${answer?.sentence ?? notRunning(directory)}\n`);
  if (answer === undefined) return exitCodes.notRunning;
  return answer.claimable ? 0 : exitCodes.notClaimable;
}

async function tellEvent(directory: string, request: EventRequest, { stdout }: CliContext): Promise<number> {
  const answer = await reportEvent(directory, request);
  stdout(`${answer?.sentence ?? notRunning(directory)}\n`);
  if (answer === undefined) return exitCodes.notRunning;
  return answer.outcome === 'stored' ? 0 : exitCodes.eventNotStored;
}

function explain(error: unknown, { stderr }: CliContext): number {
  if (error instanceof Refusal) {
    stderr(`aovis-agent: ${error.message}\n`);
    return error.exitCode;
  }
  // commander has printed its help or its complaint by itself.
  if (isCommanderError(error)) return error.exitCode === 0 ? 0 : exitCodes.usage;
  stderr(`aovis-agent: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return exitCodes.unexpected;
}

function isCommanderError(error: unknown): error is Error & { exitCode: number } {
  return error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number';
}
