import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { createServer, Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { type Binaries, childEnvironment, commandPrefix, findBinaries } from './binaries.ts';
import { type Cluster, openCluster, superuser } from './cluster.ts';
import {
  clearDeadLock,
  findPostmaster,
  type Postmaster,
  stopPostmaster,
  waitUntilReady,
} from './postmaster.ts';

export interface DatabaseServerOptions {
  /** Holds the cluster, its password (0600) and the server's log; made when absent, reused when present. */
  dataDirectory: string;
  /** TCP port on 127.0.0.1; a free one by default. */
  port?: number;
  /** false: faster and lost at a power cut; for throwaway test clusters. */
  durable?: boolean;
  log?: (line: string) => void;
}

export interface DatabaseServer {
  port: number;
  /** Address with user and password: a secret. */
  urlOf(databaseName: string): string;
  /** Stops the server; safe to call twice. */
  stop(): Promise<void>;
}

const startTimeoutMs = 60_000;
/** After a postmaster died, its children take a moment to notice; until then a new one may not start. */
const attempts = 20;
const attemptPauseMs = 250;

/**
 * Starts PostgreSQL on a directory, with nothing installed. Crash-only: a server left over by a killed process is
 * taken over when it answers to our password, or else stopped and started anew.
 * @throws Error with a sentence when another living process uses the directory, or the port is taken
 */
export async function startDatabaseServer(options: DatabaseServerOptions): Promise<DatabaseServer> {
  const log = options.log ?? (() => {});
  const dataDirectory = resolve(options.dataDirectory);
  const binaries = findBinaries();
  const cluster = await openCluster(dataDirectory, binaries);

  const left = await takeOver(cluster, options.port, log);
  const running = left ?? (await launch(binaries, cluster, dataDirectory, options));
  log(`PostgreSQL ${left ? 'taken over' : 'started'} on 127.0.0.1:${running.port} (${dataDirectory})`);

  let stopping: Promise<void> | undefined;
  return {
    port: running.port,
    urlOf: (databaseName) => urlOf(running.port, cluster.password, databaseName),
    stop: () => {
      stopping ??= stopPostmaster(running.pid).then(() => running.owner.end().catch(() => {}));
      return stopping;
    },
  };
}

interface OwnedPostmaster extends Postmaster {
  owner: Client;
}

async function takeOver(
  cluster: Cluster,
  wantedPort: number | undefined,
  log: (line: string) => void,
): Promise<OwnedPostmaster | undefined> {
  const found = (await findPostmaster(cluster.directory)) ?? (await clearDeadLock(cluster.directory));
  if (found === undefined) return undefined;
  const ready = found.ready ? found : await waitUntilReady(cluster.directory, 5_000);
  const owner = ready && (await own(ready.port, cluster).catch(rethrowInUse));
  if (ready && owner && (wantedPort === undefined || wantedPort === ready.port)) return { ...ready, owner };
  log(`Stopping a database server that an earlier run left behind (process ${found.pid})`);
  await stopPostmaster(found.pid);
  await owner?.end().catch(() => {});
  return undefined;
}

async function launch(
  binaries: Binaries,
  cluster: Cluster,
  dataDirectory: string,
  options: DatabaseServerOptions,
): Promise<OwnedPostmaster> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const logPath = join(dataDirectory, 'postgres.log');
    const exit = await run(binaries, cluster, port, logPath, options.durable ?? true);
    if (exit.ready) return { ...exit.ready, owner: await own(port, cluster) };

    const lines = await readFile(logPath, 'utf8');
    const portTaken = lines.includes('could not bind IPv4 address');
    if (portTaken && options.port !== undefined) {
      throw new Error(
        `Port ${port} on 127.0.0.1 is taken by another program. Stop that program or choose another port.`,
      );
    }
    const passing = portTaken || /pre-existing shared memory|lock file .* already exists/.test(lines);
    if (!passing || attempt === attempts) {
      const last = lines.trim().split('\n').slice(-5).join('\n');
      throw new Error(
        `PostgreSQL did not start on ${cluster.directory}. Its last words (all of them in ${logPath}):\n${last}`,
      );
    }
    await wait(attemptPauseMs);
  }
}

async function run(
  binaries: Binaries,
  cluster: Cluster,
  port: number,
  logPath: string,
  durable: boolean,
): Promise<{ ready: Postmaster | undefined }> {
  const speed = durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 200,
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...speed,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const command = [...commandPrefix(binaries), binaries.postgres, '-D', cluster.directory, ...flags];
  const [program, ...words] = command as [string, ...string[]];

  const log = await open(logPath, 'w', 0o600);
  // Its own session: Ctrl-C in our terminal is for us, who stop the database last.
  const child = spawn(program, words, {
    env: childEnvironment,
    cwd: cluster.directory,
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  let gone = false;
  const settle = (): void => {
    gone = true;
  };
  child.once('exit', settle);
  child.once('error', settle);
  child.unref();
  await log.close();
  const ready = await waitUntilReady(cluster.directory, startTimeoutMs, () => gone);
  if (!ready && !gone && child.pid !== undefined) await stopPostmaster(child.pid);
  return { ready };
}

/** Any 64-bit number that nothing else locks in the `postgres` database. */
const ownerLock = 0x616f7669;
const releaseMs = 1_000;
/** PostgreSQL's code for a lock_timeout. */
const lockNotAvailable = '55P03';

class InUseError extends Error {}

/**
 * Marks the server as ours by a session lock, which PostgreSQL frees by itself when this process dies: so a living
 * owner is told from a dead one without trusting process ids.
 */
async function own(port: number, cluster: Cluster): Promise<Client> {
  const socket = new Socket();
  const client = new Client({
    connectionString: urlOf(port, cluster.password, 'postgres'),
    stream: () => socket,
  });
  // The server's end ends the connection too.
  client.on('error', () => {});
  await client.connect();
  try {
    // The connection of an owner that was killed just now ends within moments.
    await client.query(`SET lock_timeout = '${releaseMs}ms'`);
    await client.query('SELECT pg_advisory_lock($1)', [ownerLock]);
  } catch (error) {
    await client.end();
    if ((error as { code?: string }).code !== lockNotAvailable) throw error;
    throw new InUseError(
      `The database in ${cluster.directory} is in use by another running program (perhaps this one, started twice). Stop that one first, or choose another directory.`,
    );
  }
  socket.unref();
  return client;
}

function rethrowInUse(error: unknown): undefined {
  if (error instanceof InUseError) throw error;
  return undefined;
}

function urlOf(port: number, password: string, databaseName: string): string {
  return `postgres://${superuser}:${password}@127.0.0.1:${port}/${encodeURIComponent(databaseName)}`;
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
