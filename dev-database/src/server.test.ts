import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { ensureDatabase } from './databases.ts';
import { clearDeadLock, waitUntilReady } from './postmaster.ts';
import { type DatabaseServer, type DatabaseServerOptions, startDatabaseServer } from './server.ts';

async function ask<Row>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as Row[];
  } finally {
    await client.end();
  }
}

describe('startDatabaseServer', () => {
  let folder: string;
  const running: DatabaseServer[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aovis-server-test-'));
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((server) => server.stop()));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function start(options: Partial<DatabaseServerOptions> = {}): Promise<DatabaseServer> {
    const server = await startDatabaseServer({
      dataDirectory: join(folder, 'data'),
      durable: false,
      ...options,
    });
    running.push(server);
    return server;
  }

  const postmasterPid = async (): Promise<number> =>
    Number((await readFile(join(folder, 'data', 'cluster', 'postmaster.pid'), 'utf8')).split('\n')[0]);

  it('serves UTF-8 on loopback only, with a random password in a file of mode 0600, and keeps the data', async () => {
    await mkdir(join(folder, 'data', 'cluster.initializing-999999-abcd'), { recursive: true });
    const first = await start();
    await ensureDatabase(first.urlOf('kept'));
    await ensureDatabase(first.urlOf('kept'));
    await ask(first.urlOf('kept'), 'CREATE TABLE notes AS SELECT 1 AS n');
    const [settings] = await ask(
      first.urlOf('kept'),
      `SELECT current_setting('listen_addresses') AS listen, current_setting('server_encoding') AS encoding,
         current_setting('unix_socket_directories') AS sockets, (SELECT count(*)::int FROM pg_hba_file_rules
         WHERE auth_method <> 'scram-sha-256') AS weak`,
    );
    expect(settings).toEqual({ listen: '127.0.0.1', encoding: 'UTF8', sockets: '', weak: 0 });

    const passwordPath = join(folder, 'data', 'cluster', 'aovis-password');
    expect((await stat(passwordPath)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'data', 'cluster'))).mode & 0o777).toBe(0o700);
    expect(await readFile(passwordPath, 'utf8')).toMatch(/^[0-9a-f]{48}$/);
    const wrong = new URL(first.urlOf('kept'));
    wrong.password = 'password';
    await expect(ask(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    expect(await readdir(join(folder, 'data'))).toEqual(['cluster', 'postgres.log']);

    await first.stop();
    await first.stop();
    const second = await start();
    expect(await ask(second.urlOf('kept'), 'SELECT n FROM notes')).toEqual([{ n: 1 }]);
  });

  it('does not hand its own environment on', async () => {
    process.env.AOVIS_TEST_SECRET = 'canary';
    try {
      const { port } = await start();
      expect(port).toBeGreaterThan(0);
      if (process.platform === 'linux')
        expect(await readFile(`/proc/${await postmasterPid()}/environ`, 'utf8')).not.toContain('canary');
    } finally {
      delete process.env.AOVIS_TEST_SECRET;
    }
  });

  it('refuses a second owner while the first one lives', async () => {
    await start();
    await expect(start()).rejects.toThrow('is in use by another running program');
  });

  it('takes over what a killed process left behind', async () => {
    const child = startInChild(join(folder, 'data'));
    const { port } = await child.ready;
    const pid = await postmasterPid();
    await expect(start()).rejects.toThrow('is in use by another running program');

    child.process.kill('SIGKILL');
    await once(child.process, 'exit');
    const server = await start();
    expect([server.port, await postmasterPid()]).toEqual([port, pid]);
  });

  it('starts anew after the server itself was killed', async () => {
    const first = await start();
    process.kill(await postmasterPid(), 'SIGKILL');
    await first.stop();
    const second = await start();
    expect(await ask(second.urlOf('kept'), 'SELECT n FROM notes')).toEqual([{ n: 1 }]);
  });

  it('sees through a lock file whose process id belongs to somebody else by now', async () => {
    const server = await start();
    const path = join(folder, 'data', 'cluster', 'postmaster.pid');
    const lines = (await readFile(path, 'utf8')).split('\n');
    await server.stop();
    await writeFile(path, [process.ppid, ...lines.slice(1)].join('\n'));
    expect((await start()).port).toBeGreaterThan(0);
  });

  it('sees through a lock file that a crash left empty', async () => {
    await writeFile(join(folder, 'data', 'cluster', 'postmaster.pid'), '');
    expect((await start()).port).toBeGreaterThan(0);
  });

  it('leaves a lock file alone that a starting server is just writing', async () => {
    const cluster = join(folder, 'half-written');
    const path = join(cluster, 'postmaster.pid');
    await mkdir(cluster);
    await writeFile(path, '');
    expect(await waitUntilReady(cluster, 50)).toBeUndefined();
    expect(await readFile(path, 'utf8')).toBe('');

    const running = await start();
    const found = clearDeadLock(cluster);
    await writeFile(path, await readFile(join(folder, 'data', 'cluster', 'postmaster.pid')));
    expect(await found).toMatchObject({ pid: await postmasterPid(), port: running.port, ready: true });
    expect(await readdir(cluster)).toEqual(['postmaster.pid']);
  });

  it('says who is in the way: a taken port, a foreign directory, another version', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(start({ port })).rejects.toThrow(`Port ${port} on 127.0.0.1 is taken by another program`);
    other.close();
    await once(other, 'close');

    const foreign = join(folder, 'foreign');
    await mkdir(join(foreign, 'cluster'), { recursive: true });
    await writeFile(join(foreign, 'cluster', 'holiday.jpg'), '');
    await expect(start({ dataDirectory: foreign })).rejects.toThrow('is no complete PostgreSQL cluster');
    await writeFile(join(foreign, 'cluster', 'PG_VERSION'), '15\n');
    await expect(start({ dataDirectory: foreign })).rejects.toThrow('was made by PostgreSQL 15');
  });
});

/** A process that starts the server and then only waits. */
function startInChild(dataDirectory: string): { process: ChildProcess; ready: Promise<{ port: number }> } {
  const program = `
    import { startDatabaseServer } from ${JSON.stringify(join(import.meta.dirname, 'server.ts'))};
    const { port } = await startDatabaseServer({ dataDirectory: ${JSON.stringify(dataDirectory)}, durable: false });
    console.log(JSON.stringify({ port }));
    process.stdin.resume();`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ready = once(createInterface({ input: child.stdout }), 'line').then(
    ([line]) => JSON.parse(String(line)) as { port: number },
  );
  return { process: child, ready };
}
