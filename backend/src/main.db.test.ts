import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testEnvironment } from './testing/test-environment.ts';

function run(file: string, words: string[], environment: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, file), ...words], {
    env: { PATH: process.env.PATH ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function ended(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  const [[code], out, err] = await Promise.all([
    once(child, 'close') as Promise<[number | null]>,
    child.stdout ? text(child.stdout) : '',
    child.stderr ? text(child.stderr) : '',
  ]);
  return { code, out, err };
}

describe('the programs', () => {
  let database: TestDatabase;
  let environment: Record<string, string>;

  beforeAll(async () => {
    database = await createTestDatabase();
    environment = { ...testEnvironment(database.url), AOVIS_HTTP_PORT: '0' };
  });
  afterAll(() => database.drop());

  it('serve until SIGTERM, end what is under way, and leave nothing behind', async () => {
    const child = run('main.ts', [], environment);
    const { stdout } = child;
    if (stdout === null) throw new Error('no stdout');
    const lines = createInterface({ input: stdout });
    const [line] = (await once(lines, 'line')) as [string];
    const { url, message } = JSON.parse(line) as { url: string; message: string };
    expect(message).toBe('listening');
    const response = await fetch(`${url}/ready`, { headers: { connection: 'close' } });
    expect(await response.json()).toEqual({ status: 'ready', checks: { database: 'ok' } });
    child.kill('SIGTERM');
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(0);
  });

  it('refuse a configuration with everything that is wrong with it', async () => {
    const { code, err } = await ended(run('main.ts', [], { AOVIS_SESSION_SECRET: 'canary' }));
    expect(code).toBe(2);
    expect(err).toContain('DATABASE_URL is missing');
    expect(err).toContain('AOVIS_SESSION_SECRET is too weak');
    expect(err).not.toContain('canary');
  });

  it('refuse a database that was not migrated', async () => {
    const empty = await createTestDatabase();
    await empty.knex.raw('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    const { code, err } = await ended(run('main.ts', [], { ...environment, DATABASE_URL: empty.url }));
    expect(code).toBe(1);
    expect(err).toContain('run npm run migrate');
    await empty.drop();
  });

  it('say in one sentence what an operator can mend', async () => {
    const nowhere = database.url.replace(/:\d+\/.*$/, ':1/aovis');
    const refused: [environment: Record<string, string>, sentence: string][] = [
      [{ DATABASE_URL: nowhere }, 'cannot be reached (connect ECONNREFUSED'],
      [{ DATABASE_URL: `${database.url}_none` }, 'does not exist; create it, then run npm run migrate'],
      [{ DATABASE_URL: database.url.replace('//', '//no') }, 'refuses the user or password'],
      [{ AOVIS_HTTP_HOST: '192.0.2.1' }, '192.0.2.1 is no address of this machine: correct AOVIS_HTTP_HOST.'],
      [
        { AOVIS_METRICS_PORT: new URL(database.url).port },
        'is taken: stop the other program or set AOVIS_METRICS_PORT.',
      ],
    ];
    const ends = await Promise.all(
      refused.map(([change]) => ended(run('main.ts', [], { ...environment, ...change }))),
    );
    for (const [index, { code, err, out }] of ends.entries()) {
      expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(refused[index]?.[1] ?? '?') });
      expect(err.trim().split('\n')).toHaveLength(1);
      expect(out).not.toContain('"stack"');
    }
    const commands = await ended(run('cli.ts', ['audit', 'head'], { DATABASE_URL: nowhere }));
    expect(commands).toMatchObject({ code: 1, err: expect.stringContaining('start PostgreSQL') });
    const noFile = await ended(run('cli.ts', ['audit', 'head'], { DATABASE_URL_FILE: '/no/such/file' }));
    expect(noFile.err).toBe('The file that DATABASE_URL_FILE names cannot be read (ENOENT).\n');
  });

  it('verify the audit log from the command line, against anchors too', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aovis-cli-'));
    try {
      const verified = await ended(run('cli.ts', ['audit', 'verify'], environment));
      expect(verified).toMatchObject({ code: 0, out: `ok 0:${'0'.repeat(64)}\n` });
      const anchors = join(folder, 'anchors');
      await writeFile(anchors, `7:${'ab'.repeat(32)}\n9:0c4f`);
      const tampered = await ended(run('cli.ts', ['audit', 'verify', '--anchor-file', anchors], environment));
      expect(tampered).toMatchObject({
        code: 1,
        out: expect.stringContaining('tampered: the log ends with entry 0'),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('explain what was typed wrong', async () => {
    const unknown = await ended(run('cli.ts', ['audit', 'verfy'], environment));
    expect(unknown).toMatchObject({
      code: 2,
      err: expect.stringContaining('There is no command «audit verfy»'),
    });
    const noDatabase = await ended(run('cli.ts', ['audit', 'head'], {}));
    expect(noDatabase).toMatchObject({ code: 1, err: expect.stringContaining('DATABASE_URL is missing') });
  });
});
