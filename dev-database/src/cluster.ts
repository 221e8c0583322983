import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Binaries, childEnvironment, commandPrefix } from './binaries.ts';

/** PostgreSQL's own data directory lies one below ours, so that it can be made aside and moved in as a whole. */
const clusterName = 'cluster';
const halfMade = `${clusterName}.initializing-`;
const passwordFile = 'aovis-password';
const majorVersion = '18';
export const superuser = 'aovis';

export interface Cluster {
  directory: string;
  password: string;
}

/**
 * Opens the cluster below `dataDirectory`, making it first when there is none. What a crash left half made is
 * thrown away: a cluster appears under its name only by one rename, complete and with its password file.
 */
export async function openCluster(dataDirectory: string, binaries: Binaries): Promise<Cluster> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const directory = join(dataDirectory, clusterName);
  if (!(await isFilled(directory))) await makeCluster(dataDirectory, directory, binaries);
  return { directory, password: await passwordOf(directory) };
}

async function isFilled(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch(() => []);
  return names.length > 0;
}

async function makeCluster(dataDirectory: string, directory: string, binaries: Binaries): Promise<void> {
  await removeHalfMade(dataDirectory);
  const suffix = `${process.pid}-${randomBytes(4).toString('hex')}`;
  const fresh = join(dataDirectory, `${halfMade}${suffix}`);
  const password = randomBytes(24).toString('hex');
  const passwordPath = `${fresh}.password`;
  await writeFile(passwordPath, password, { mode: 0o600 });
  try {
    await initdb(binaries, fresh, passwordPath);
    await rename(passwordPath, join(fresh, passwordFile));
    await rename(fresh, directory);
  } catch (error) {
    // Another process was faster: its cluster is as good as ours.
    if (!(await isFilled(directory))) throw error;
  } finally {
    await rm(fresh, { recursive: true, force: true });
    await rm(passwordPath, { force: true });
  }
}

async function initdb(binaries: Binaries, directory: string, passwordPath: string): Promise<void> {
  const command = [
    ...commandPrefix(binaries),
    binaries.initdb,
    `--pgdata=${directory}`,
    `--username=${superuser}`,
    `--pwfile=${passwordPath}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
    '--no-instructions',
  ];
  const [program, ...flags] = command as [string, ...string[]];
  try {
    await promisify(execFile)(program, flags, { env: childEnvironment, timeout: 120_000 });
  } catch (cause) {
    const { message, stderr } = cause as Error & { stderr?: string };
    // The program names what failed before it says that it cleans up.
    const reason = /(?:FATAL|error): *(.*)/.exec(stderr ?? '')?.[1] ?? message;
    throw new Error(
      `PostgreSQL could not make its files (about 40 MiB) in ${dirname(directory)}: ${reason}. Make room or choose another directory, and start again.`,
      { cause },
    );
  }
  await chmod(directory, 0o700);
}

/** A maker that still lives is not disturbed: its process id is in the name. */
async function removeHalfMade(dataDirectory: string): Promise<void> {
  for (const name of await readdir(dataDirectory)) {
    if (!name.startsWith(halfMade)) continue;
    const maker = Number.parseInt(name.slice(halfMade.length), 10);
    if (!isAlive(maker)) await rm(join(dataDirectory, name), { recursive: true, force: true });
  }
}

async function passwordOf(directory: string): Promise<string> {
  const version = (await readFile(join(directory, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  if (version !== majorVersion) {
    const found = version === '' ? 'is no complete PostgreSQL cluster' : `was made by PostgreSQL ${version}`;
    throw new Error(
      `${directory} ${found}; this program brings PostgreSQL ${majorVersion}. Move the directory away (or delete it, when its data may go) and start again.`,
    );
  }
  try {
    return (await readFile(join(directory, passwordFile), 'utf8')).trim();
  } catch (cause) {
    throw new Error(
      `${directory} has no ${passwordFile}: it was not made by this program. Choose another directory.`,
      { cause },
    );
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
