import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { promisify } from 'node:util';
import { z } from 'zod';
import { Refusal, systemCodeOf } from '../refusal.ts';
import { privateFileMode } from './durable-files.ts';

const holderSchema = z.object({ pid: z.number().int(), started: z.string(), host: z.string() });
type Holder = z.infer<typeof holderSchema>;

/**
 * When the process began, so that a recycled pid is not taken for the holder: Linux boot id and start tick,
 * elsewhere what `ps` says. Undefined when no such process runs.
 */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    try {
      const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\)/s, '').trim().split(' ');
      const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
      // proc(5): starttime is field 22, the 20th after the command name; Z is a zombie, X is dead.
      return fields[0] === 'Z' || fields[0] === 'X' ? undefined : `${boot.trim()}/${fields[19]}`;
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ESRCH') return undefined;
      throw error;
    }
  }
  try {
    return (await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)])).stdout.trim();
  } catch {
    return undefined;
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const parsed = holderSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function isAlive(holder: Holder): Promise<boolean> {
  // A lock of another host (shared folder) cannot be judged from here: believe it.
  if (holder.host !== hostname()) return true;
  return (await startOf(holder.pid)) === holder.started;
}

/** One process at a time. A lock whose holder died (kill -9, power cut) is taken over without asking. */
export class LockFile {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async acquire(path: string): Promise<LockFile> {
    const unique = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
    const mine: Holder = {
      pid: process.pid,
      started: (await startOf(process.pid)) ?? '',
      host: hostname(),
    };
    // Not synced: after a power cut a lock means nothing anyway.
    await writeFile(unique, JSON.stringify(mine), { flag: 'wx', mode: privateFileMode });
    try {
      for (let attempt = 0; attempt < 5; attempt++) {
        try {
          // link(2) makes the name and its whole content appear at once, or fails when it is taken.
          await link(unique, path);
          return new LockFile(path);
        } catch (error) {
          if (systemCodeOf(error) !== 'EEXIST') throw error;
        }
        await clearStale(path, `${unique}.stale`);
      }
      throw new Refusal('conflict', `The lock ${path} keeps changing hands; try again in a moment.`);
    } finally {
      await rm(unique, { force: true });
    }
  }

  async release(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

async function clearStale(path: string, aside: string): Promise<void> {
  const holder = await readHolder(path);
  if (holder && (await isAlive(holder))) {
    throw new Refusal(
      'conflict',
      `Another run (process ${holder.pid} on ${holder.host}) is working in this folder; wait for it or stop it. ` +
        `If that computer is gone for good, delete ${path}.`,
    );
  }
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return;
    throw error;
  }
  // Somebody may have taken over between the look and the rename: then it is theirs, put it back.
  const moved = await readHolder(aside);
  if (moved && (await isAlive(moved))) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}
