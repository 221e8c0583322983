import { statfsSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../refusal.ts';
import { makeDirectory } from './make-directory.ts';

/** Where the agent keeps what must survive a restart. Everything in it may be deleted while the agent is stopped. */
export interface StateDirectory {
  readonly path: string;
  /** Last report that the classic shadow acknowledged. */
  readonly reportedState: string;
  /** Configuration the board ran with last. */
  readonly runningConfig: string;
  /** The machine's boot id at the last start. */
  readonly lastBoot: string;
  /** Commands that were taken, with their answers. */
  readonly commands: string;
  /** How the last job ended, until the cloud knows. */
  readonly jobs: string;
  /** Whether somebody owns the board, and until when it can be claimed. Without it the board is fresh from the factory. */
  readonly binding: string;
  /** Challenges that were signed. */
  readonly proofs: string;
  /** Directory of the events and telemetry that wait for a connection. */
  readonly outbox: string;
  /** Directory of the video that waits for a connection. */
  readonly video: string;
  /** Directory of the agents that came by jobs. */
  readonly software: string;
  /** There while the agent that runs takes the machine's clock for wrong. */
  readonly clockDoubt: string;
  /** Directory of the log file, where there is no journald. */
  readonly log: string;
}

/** The places in a state directory, which may not exist. */
export function stateDirectoryAt(path: string): StateDirectory {
  return {
    path,
    reportedState: join(path, 'reported-state.json'),
    runningConfig: join(path, 'running-config.json'),
    lastBoot: join(path, 'last-boot.json'),
    commands: join(path, 'commands.json'),
    jobs: join(path, 'jobs.json'),
    binding: join(path, 'binding.json'),
    proofs: join(path, 'proofs.json'),
    outbox: join(path, 'outbox'),
    video: join(path, 'video'),
    software: join(path, 'software'),
    clockDoubt: join(path, 'clock-doubt'),
    log: join(path, 'log'),
  };
}

export async function openStateDirectory(path: string): Promise<StateDirectory> {
  try {
    await makeDirectory(path, 0o700);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new Refusal(
      'stateUnusable',
      `The state directory ${path} cannot be made or written: name one that this user owns with --state DIR ` +
        '(or AOVIS_AGENT_STATE).',
      { cause },
    );
  }
  return stateDirectoryAt(path);
}

/** What the agent's user may still write on the path's file system, in bytes; undefined when it cannot be asked. */
export function freeBytesAt(path: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
