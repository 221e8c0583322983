import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { filesLeftIn, spawnWithCores } from '../../test-support/crash-with-cores.ts';
import { testEnvironment } from './testing/test-environment.ts';

let database: TestDatabase;
let folder: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'aovis-crash-'));
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await database.drop();
  await rm(folder, { recursive: true });
});

/** Starts the backend where it may write all that the system and Node know to write, and waits until it serves. */
async function serving(): Promise<ChildProcess> {
  child = spawnWithCores(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    cwd: folder,
    env: {
      PATH: process.env.PATH ?? '',
      NODE_OPTIONS: '--report-on-fatalerror',
      ...testEnvironment(database.url),
      AOVIS_HTTP_PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (!child.stdout) throw new Error('no stdout');
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  expect(JSON.parse(line)).toMatchObject({ message: 'listening' });
  return child;
}

it('leaves no secret where it crashes', async () => {
  const backend = await serving();
  backend.kill('SIGABRT');
  expect(await once(backend, 'close')).toEqual([null, 'SIGABRT']);
  const left = [...(await filesLeftIn(folder))];
  // A core file, unless this machine has a handler for them.
  expect(left.map(([name]) => name).filter((name) => !name.startsWith('core'))).toEqual([]);
  const environment = testEnvironment(database.url);
  const secrets = [
    ...Object.values(environment).filter((value) => value.includes('canary-')),
    '0123456789abcdef'.repeat(4),
    new URL(database.url).password || database.url,
  ];
  expect(secrets.length).toBeGreaterThan(5);
  for (const secret of secrets)
    expect(left.filter(([, content]) => content.includes(secret)).map(([name]) => name)).toEqual([]);
});
