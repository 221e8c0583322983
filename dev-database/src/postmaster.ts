import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isAlive } from './cluster.ts';

/** What `postmaster.pid` says (PostgreSQL source, `src/include/utils/pidfile.h`). */
export interface Postmaster {
  pid: number;
  port: number;
  /** Accepts connections. */
  ready: boolean;
}

const pollMs = 10;

/** The server running on this data directory, if any. Only looks: a server that is just starting has its file half written. */
export async function findPostmaster(directory: string): Promise<Postmaster | undefined> {
  const text = await readFile(lockFileIn(directory), 'utf8').catch(() => '');
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid) || !(await isPostgres(pid))) return undefined;
  return { pid, port: Number(lines[3] ?? 0), ready: lines[7] === 'ready' };
}

const lockFileIn = (directory: string): string => join(directory, 'postmaster.pid');
/** PostgreSQL makes the file and writes to it at once: one that stays empty was left by a crash between the two. */
const lockWritingMs = 1_000;

/**
 * Removes a lock file that PostgreSQL itself would stop at: an empty one, or one whose process id belongs to another
 * program by now. The server that turns out to be alive instead is returned.
 */
export async function clearDeadLock(directory: string): Promise<Postmaster | undefined> {
  const deadline = performance.now() + lockWritingMs;
  for (;;) {
    const text = await readFile(lockFileIn(directory), 'utf8').catch(() => undefined);
    const alive = await findPostmaster(directory);
    if (alive !== undefined || text === undefined) return alive;
    if (text !== '' || performance.now() > deadline) break;
    await wait(pollMs);
  }
  await rm(lockFileIn(directory), { force: true });
  return undefined;
}

/** Process ids are reused, after a reboot above all: the name tells whether this is still a PostgreSQL. */
async function isPostgres(pid: number): Promise<boolean> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes('postgres');
  } catch {
    const listed = await promisify(execFile)('ps', ['-p', String(pid), '-o', 'comm=']).catch(() => undefined);
    return listed?.stdout.includes('postgres') ?? false;
  }
}

/** Resolves with the running server once it accepts connections; undefined when it is gone or the time is over. */
export async function waitUntilReady(
  directory: string,
  timeoutMs: number,
  isGone: () => boolean = () => false,
): Promise<Postmaster | undefined> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline && !isGone()) {
    const postmaster = await findPostmaster(directory);
    if (postmaster?.ready) return postmaster;
    await wait(pollMs);
  }
  return undefined;
}

/**
 * Stops a server: first a fast shutdown (SIGINT: roll back, write a checkpoint), then an immediate one (SIGQUIT:
 * the next start recovers from the log), then SIGKILL.
 */
export async function stopPostmaster(pid: number): Promise<void> {
  const steps: [NodeJS.Signals, number][] = [
    ['SIGINT', 10_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ];
  for (const [signal, patienceMs] of steps) {
    if (!send(pid, signal) || (await isGoneWithin(pid, patienceMs))) return;
  }
  throw new Error(`The database server (process ${pid}) does not stop; end it by hand and start again.`);
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

async function isGoneWithin(pid: number, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (performance.now() < deadline) {
    if (!isAlive(pid) || (await isZombie(pid))) return true;
    await wait(pollMs);
  }
  return false;
}

/** An orphan whose new parent never reaps it stays listed for ever, but is dead. */
async function isZombie(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
}
