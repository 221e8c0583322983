import { type Agent, createAgent } from './agent.ts';
import type { AgentConfig } from './config.ts';
import { buildInfo } from './host/build-info.ts';
import { systemClock } from './host/clock.ts';
import { isJournal, LogDestination } from './host/log-destination.ts';
import { LogFile } from './host/log-file.ts';
import { createLogger, type Logger } from './host/logger.ts';
import { RecentProblems } from './host/recent-problems.ts';
import { openStateDirectory, type StateDirectory } from './host/state-directory.ts';
import { type Bundle, loadBundle } from './identity/bundle.ts';
import { type BundleIdentities, openIdentities } from './identity/bundle-identities.ts';
import { serviceManagerOf } from './operating/service/service-manager.ts';
import { exitCodes } from './refusal.ts';
import { checkClockAtStart } from './timekeeping/clock-at-start.ts';
import { askTheTime } from './timekeeping/time-answer.ts';

export interface RunContext {
  env: NodeJS.ProcessEnv;
  /** Aborted by SIGTERM and SIGINT. */
  signal: AbortSignal;
  clipPath: string;
}

/** A start that is to end gets so long to notice it, and what runs of the agent as long again to stop. */
const startEndsWithinMs = 2_000;
const stopEndsWithinMs = 10_000;

/** `aovis-agent run`: answers the exit code. */
export async function runAgent(config: AgentConfig, { env, signal, clipPath }: RunContext): Promise<number> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  const manager = serviceManagerOf(env, process.pid);
  const problems = new RecentProblems(systemClock);
  const journal = isJournal(env.JOURNAL_STREAM);
  const destination = new LogDestination({ journal });
  const logger = createLogger({
    level: config.logLevel,
    destination,
    onProblem: (part, level, sentence) => problems.add(part, level, sentence),
  });
  // Nothing that is read here may keep a stop waiting.
  const board = await Promise.race([openBoard(config, signal), untilAborted(signal)]);
  if (board === undefined || signal.aborted) return 0;
  const logFile = new LogFile({ directory: board.state.log });
  if (!journal) destination.keepIn(logFile);
  const agent = createAgent({
    ...board,
    config,
    logFile,
    clipPath,
    clock: systemClock,
    random: Math.random,
    logger,
    problems,
    manager,
    restart: end,
  });
  await runUntilAborted(agent, ending.signal, logger);
  return signal.aborted ? 0 : exitCodes.restart;
}

interface OpenBoard {
  bundle: Bundle;
  identities: BundleIdentities;
  state: StateDirectory;
}

/** All that may be refused before anything runs; undefined when it was aborted meanwhile. */
async function openBoard(config: AgentConfig, signal: AbortSignal): Promise<OpenBoard | undefined> {
  try {
    const bundle = await loadBundle(config.bundle);
    await checkClockAtStart({
      clock: systemClock,
      validity: bundle,
      builtAt: buildInfo.builtAt,
      ask: (aborted) => askTheTime(bundle, systemClock, aborted),
      signal,
    });
    const identities = await openIdentities(config.bundle, bundle);
    return { bundle, identities, state: await openStateDirectory(config.state) };
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

async function runUntilAborted(agent: Agent, signal: AbortSignal, logger: Logger): Promise<void> {
  try {
    const started = agent.start(signal);
    const aborted = untilAborted(signal).then(() => within(startEndsWithinMs, started));
    await Promise.race([started, aborted]);
    signal.throwIfAborted();
  } catch (error) {
    // Whatever part of it runs would keep a process alive that no longer minds signals.
    await within(stopEndsWithinMs, agent.stop());
    if (signal.aborted) return;
    throw error;
  }
  logger.info({ version: buildInfo.version }, 'The agent runs.');
  await untilAborted(signal);
  logger.info('The agent stops.');
  await agent.stop();
}

function untilAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

/** Until `work` is done, or for so long. */
function within(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
