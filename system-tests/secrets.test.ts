import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AppClient } from '@aovis/simulator/app-client';
import { expectAnswer } from '@aovis/simulator/expect-answer';
import { untilPersisted, untilPlayable, waitFor } from '@aovis/simulator/wait-for';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BoardIdentity } from './support/board-client.ts';
import { Canary, readFiles } from './support/canary.ts';
import { query } from './support/database.ts';
import { addFault } from './support/faults.ts';
import { listProcesses } from './support/processes.ts';
import { RunningSystem } from './support/running-system.ts';

/** Where secrets are at home. */
const homes = /^secrets\/|\.key$|\/labels\.csv$|^endpoints\.json$|^cloud\/instance\.json$/;
/** Other programs' own storage, and pictures. */
const storage = /^cloud\/(state\.sqlite|kinesis-video\/)|^postgres\/cluster\//;

describe('the secrets of a whole run, from the factory to the picture', () => {
  const canary = new Canary();
  const commandLines = new Set<string>();
  const dumps: Map<string, string>[] = [];
  let running: RunningSystem;

  beforeAll(async () => {
    running = await withProcessesWatched(RunningSystem.start({ boards: 2 }));
    const { system } = running;
    collectStored();

    const board = running.board(0);
    board.start();
    await untilPersisted(board);
    const { credentials } = await new BoardIdentity(running.provisionedBoard(0)).credentials();
    canary.add('the board’s temporary secret key', credentials?.secretAccessKey ?? '');
    canary.add('the board’s session token', credentials?.sessionToken ?? '');

    const app = new AppClient({ backendUrl: system.backendUrl, mailUrl: system.endpoints.mail.url });
    const signIn = async (email: string): Promise<void> => {
      const { access_token, refresh_token } = await app.signIn(email);
      canary.add(`${email}: access token`, access_token);
      canary.add(`${email}: refresh token`, refresh_token);
    };
    // The database is also dumped while the mail with the link is still to be sent.
    await addFault(system.endpoints, {
      service: 'mail',
      operation: 'Data',
      effect: { kind: 'error', status: 451, code: 'later' },
      times: 1,
    });
    const signingIn = signIn('anna@example.com');
    await waitFor('A mail to be sent again', async () => {
      const [row] = await query(system.databaseUrl, 'SELECT 1 FROM outbox WHERE attempts > 0');
      return row && true;
    });
    dumps.push(await dumpDatabase());
    await signingIn;

    const { deviceId, activationCode } = running.provisionedBoard(0);
    const second = running.provisionedBoard(1);
    expectAnswer(await app.activate(second.deviceId, activationCode), 403, 'invalid_activation_code');
    expectAnswer(await app.activate(deviceId, activationCode), 200);
    const { url } = await untilPlayable(app, deviceId);
    canary.add('the token in the URL of the video', new URL(url).searchParams.get('SessionToken') ?? '');
    expect((await fetch(url)).status).toBe(200);
    await signIn('ben@example.com');
    expectAnswer(await app.activate(deviceId, activationCode), 403, 'device_owned_by_another_user');
    // The rest is what goes wrong when secrets are typed into the wrong place.
    await app.call('GET', `/api/devices?cursor=${activationCode}`);
    await app.call('POST', '/api/auth/app-magic-link/verify', {
      token: 'x',
      request_secret: 'y',
      unknown: activationCode,
    });

    await collectMailed();
    await withProcessesWatched(system.factory.run('batch', 'verify', 'test'));
    dumps.push(await dumpDatabase());
    for (const { commandLine } of await listProcesses()) commandLines.add(commandLine);
  });

  afterAll(async () => {
    await running?.stop();
  });

  /** What lies in files: the system's own secrets, the keys of every program, the codes on the labels. */
  function collectStored(): void {
    const { folder, factory, endpoints, databaseUrl } = running.system;
    for (const name of readdirSync(join(folder.root, 'secrets')))
      canary.add(name, readFileSync(folder.secretFile(name), 'utf8').trim());
    canary.add('the database’s password', new URL(databaseUrl).password);
    canary.add('the account’s secret key', endpoints.secretAccessKey);
    for (const [path, pem] of readFiles(folder.root, (path) => path.endsWith('.key')))
      canary.add(path, pem.split('\n')[2] ?? '');
    for (const { deviceId, activationCode } of factory.boards('test')) {
      canary.add(`${deviceId}: code as printed`, activationCode);
      canary.add(`${deviceId}: code`, activationCode.replaceAll('-', ''));
    }
  }

  async function collectMailed(): Promise<void> {
    const { mail } = running.system.endpoints;
    const list = (await (await fetch(new URL('/messages', mail.url))).json()) as {
      messages: { id: string }[];
    };
    for (const { id } of list.messages) {
      const { text } = (await (await fetch(new URL(`/messages/${id}`, mail.url))).json()) as { text: string };
      canary.add(`the link in mail ${id}`, /#token=([\w-]+)/.exec(text)?.[1] ?? '');
    }
  }

  /** Every row of every table, as text, by table. */
  async function dumpDatabase(): Promise<Map<string, string>> {
    const { databaseUrl } = running.system;
    const tables = await query<{ name: string }>(
      databaseUrl,
      `SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
    );
    const dump = new Map<string, string>();
    for (const { name } of tables) {
      const rows = await query<{ row: string }>(databaseUrl, `SELECT t::text AS row FROM ${name} t`);
      dump.set(name, rows.map(({ row }) => row).join('\n'));
    }
    return dump;
  }

  /** Keeps the command lines of all programs that run meanwhile. */
  async function withProcessesWatched<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const settle = (): void => {
      done = true;
    };
    work.then(settle, settle);
    while (!done) for (const { commandLine } of await listProcesses()) commandLines.add(commandLine);
    return work;
  }

  const findings = (texts: Map<string, string>): string[] =>
    [...texts].flatMap(([where, text]) => canary.foundIn(text).map((name) => `${name}, in ${where}`));

  it('are many, and are found where they are at home, for their owner only', () => {
    const { root } = running.system.folder;
    const files = readFiles(root, (path) => homes.test(path));
    expect(canary.size).toBeGreaterThan(25);
    expect(findings(files).length).toBeGreaterThan(12);
    for (const path of files.keys())
      expect([path, statSync(join(root, path)).mode & 0o077]).toEqual([path, 0]);
  });

  it('are in no log and in no other file', () => {
    const files = readFiles(running.system.folder.root, (path) => !homes.test(path) && !storage.test(path));
    const paths = [...files.keys()];
    for (const name of ['backend', 'local-cloud', 'database', running.provisionedBoard(0).deviceId])
      expect(paths).toContain(`logs/${name}.log`);
    expect(paths).toContain('postgres/postgres.log');
    expect(paths).toContain('factory/journal.jsonl');
    expect(findings(files)).toEqual([]);
  });

  it('are not in the payload of the manifests', () => {
    const manifests = readFiles(running.system.folder.factory, (path) => path.endsWith('.jws'));
    expect(manifests.size).toBe(1);
    const payloads = [...manifests].map(
      ([path, jws]) => [path, Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()] as const,
    );
    expect(findings(new Map(payloads))).toEqual([]);
  });

  it('are not in the database in clear, not even while a mail waits to be sent', () => {
    expect(dumps).toHaveLength(2);
    expect(dumps[1]?.get('sessions')?.length).toBeGreaterThan(0);
    expect(dumps[0]?.get('outbox')?.length).toBeGreaterThan(0);
    expect(dumps.flatMap(findings)).toEqual([]);
  });

  it('are in no command line', () => {
    const all = [...commandLines].join('\n');
    for (const program of [
      'provisioning-tool/src/main.ts ca init',
      'provisioning-tool/src/main.ts batch run',
      'backend/src/cli.ts station add',
      'aovis-agent.cjs run',
      'postgres',
    ])
      expect(all).toContain(program);
    expect(canary.foundIn(all)).toEqual([]);
  });

  it('nor are SIM card numbers in a log', () => {
    const logs = [...readFiles(running.system.folder.root, (path) => path.endsWith('.log')).values()].join(
      '\n',
    );
    expect(logs).not.toMatch(/\b8999999\d{12}\b/);
  });
});
