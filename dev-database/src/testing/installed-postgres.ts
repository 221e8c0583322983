import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { childEnvironment, commandPrefix } from '../binaries.ts';

export interface InstalledPostgres {
  urlOf(databaseName: string): string;
  /** Runs one of PostgreSQL's client programs (`pg_dump`, `pg_restore`, `psql`) and answers what it wrote. */
  run(program: string, args: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

/** A throwaway server of the PostgreSQL that is installed on this machine, with its client programs: for external tests. */
export async function startInstalledPostgres(): Promise<InstalledPostgres> {
  const programs = programsDirectory();
  const folder = await mkdtemp(join(tmpdir(), 'aovis-postgres-'));
  const postgres = join(programs, 'postgres');
  const initdb = join(programs, 'initdb');
  const prefix = commandPrefix({ initdb, postgres });
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, 'of-a-test', { mode: 0o600 });
  const run = async (command: readonly string[]): Promise<string> => {
    const [program, ...args] = command as [string, ...string[]];
    const { stdout } = await promisify(execFile)(program, args, { env: childEnvironment });
    return stdout;
  };
  await run([
    ...prefix,
    initdb,
    `--pgdata=${data}`,
    '--username=aovis',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ]);
  const port = await freePort();
  const urlOf = (name: string): string => `postgres://aovis:of-a-test@127.0.0.1:${port}/${name}`;
  const settings = { listen_addresses: '127.0.0.1', port, unix_socket_directories: '', fsync: 'off' };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [program, ...args] = [...prefix, postgres, '-D', data, ...flags] as [string, ...string[]];
  const server = spawn(program, args, { env: childEnvironment, stdio: 'ignore' });
  const exited = once(server, 'exit');
  await untilReady(urlOf('postgres'), () => server.exitCode !== null);
  return {
    urlOf,
    run: (name, rest) => run([join(programs, name), ...rest]),
    stop: async () => {
      // Fast shutdown: connections are ended.
      server.kill('SIGINT');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Debian keeps each major version's programs in a folder of its own, off the PATH. */
function programsDirectory(): string {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const places = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  const found = places.find((place) => ['initdb', 'pg_dump'].every((name) => existsSync(join(place, name))));
  if (found === undefined)
    throw new Error('PostgreSQL is not installed here: install the package postgresql.');
  return found;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

async function untilReady(url: string, ended: () => boolean): Promise<void> {
  for (;;) {
    const client = new Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (ended()) throw new Error('the installed PostgreSQL did not start', { cause: error });
      await wait(50);
    }
  }
}
