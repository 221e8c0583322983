import { access, constants, rm } from 'node:fs/promises';
import { CommandJournal } from '../commands/command-journal.ts';
import type { Clock } from '../host/clock.ts';
import type { StateDirectory } from '../host/state-directory.ts';
import { Refusal } from '../refusal.ts';
import { lockDirectory, type Release } from '../status/directory-lock.ts';
import { isCode, readStatus } from '../status/status-client.ts';

export interface ResetOptions {
  state: StateDirectory;
  clock: Clock;
  /** End the agent first, when one runs. */
  stopAgent: boolean;
  /** Ends a process in order; `process.kill` with SIGTERM does. */
  terminate: (pid: number) => void;
}

/** An agent delivers its last fragment for up to 8 s and closes its connection. */
const stopTimeoutMs = 30_000;
const lookAgainMs = 100;

/** What `reset` removes, for the person who is asked to confirm it. */
export const resetSentence =
  'This removes what the board keeps of its owner and of itself: settings, messages and video that wait for a connection, ' +
  'the log, and whose it is. The next start is a first start, after which the board can be claimed for 15 minutes if the cloud ' +
  'says that nobody owns it. Its identity (the bundle) stays.';

/**
 * Makes the state directory that of a board fresh from the factory. What must outlive that stays: claims that were signed and
 * commands that could still come again, or they would be signed and executed again, and how the last job ended.
 * Refuses while an agent runs, unless it may end it, and where there is no directory: a wrong name must not pass for a board
 * that was reset.
 */
export async function resetBoard(options: ResetOptions): Promise<void> {
  const { state, clock } = options;
  await checkDirectory(state);
  const release = await takeDirectory(options);
  try {
    const journal = new CommandJournal({ path: state.commands });
    await journal.load();
    if (journal.entries.length > 0) await journal.forgetExpired(clock.now());
    for (const path of [
      state.outbox,
      state.video,
      state.runningConfig,
      state.reportedState,
      state.log,
      // Last: without it the next start wipes and announces nothing, so everything else must be gone by then.
      state.binding,
    ])
      await rm(path, { recursive: true, force: true });
  } finally {
    await release();
  }
}

async function checkDirectory({ path }: StateDirectory): Promise<void> {
  try {
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const problem = isCode(cause, 'ENOENT') ? 'does not exist' : 'cannot be read and written by this user';
    throw new Refusal(
      'stateUnusable',
      `The state directory ${path} ${problem}: nothing was removed. Name the one that the agent runs with by --state DIR (or ` +
        'AOVIS_AGENT_STATE), and reset as root or as the user the agent runs as.',
      { cause },
    );
  }
}

/** No agent can start while this is held. */
async function takeDirectory({ state, clock, stopAgent, terminate }: ResetOptions): Promise<Release> {
  const deadline = clock.monotonic() + stopTimeoutMs;
  let told = false;
  for (;;) {
    const running = await readStatus(state.path);
    const release = running === undefined ? await lockDirectory(state.path) : undefined;
    if (release !== undefined) return release;
    const who = running === undefined ? 'An agent' : `The agent (process ${running.pid})`;
    if (!stopAgent)
      throw new Refusal(
        'stateInUse',
        `${who} runs with the state directory ${state.path}: stop it first (systemctl stop aovis-agent), or add ` +
          '--stop-agent.',
      );
    if (running !== undefined && !told) {
      told = true;
      terminate(running.pid);
    }
    if (clock.monotonic() > deadline)
      throw new Refusal(
        'stateInUse',
        `${who} did not end within ${stopTimeoutMs / 1_000} s: stop it (systemctl stop aovis-agent), then reset again.`,
      );
    await new Promise<void>((resolve) => setTimeout(resolve, lookAgainMs));
  }
}
