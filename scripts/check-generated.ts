import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startDatabaseServer } from '@aovis/dev-database/server';

/**
 * Fails when a committed file differs from what its source makes: migrations/schema.sql and docs/openapi.json.
 * `--write` (or `npm run check:generated -- --write`) writes them anew.
 */
const root = join(import.meta.dirname, '..');
const write = process.argv.includes('--write');
const run = promisify(execFile);

async function withDatabaseServer<T>(work: (url: string) => Promise<T>): Promise<T> {
  if (process.env.DATABASE_URL) return work(process.env.DATABASE_URL);
  const dataDirectory = await mkdtemp(join(tmpdir(), 'aovis-check-'));
  const server = await startDatabaseServer({ dataDirectory, durable: false });
  try {
    return await work(server.urlOf('postgres'));
  } finally {
    await server.stop();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

async function checkSchema(): Promise<string | undefined> {
  const flags = write ? [] : ['--check'];
  return withDatabaseServer(async (url) => {
    const environment = { ...process.env, DATABASE_URL: url };
    try {
      await run(process.execPath, ['migrations/dump-schema.ts', ...flags], { cwd: root, env: environment });
      return undefined;
    } catch (error) {
      return (error as { stderr?: string }).stderr ?? String(error);
    }
  });
}

async function checkOpenApi(): Promise<string | undefined> {
  const { stdout } = await run(process.execPath, ['backend/src/cli.ts', 'openapi'], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  });
  const path = join(root, 'docs', 'openapi.json');
  if (write) {
    await writeFile(path, stdout);
    return undefined;
  }
  const committed = await readFile(path, 'utf8').catch(() => '');
  return committed === stdout
    ? undefined
    : 'docs/openapi.json differs from the route contracts. Run: npm run check:generated -- --write';
}

const problems = (await Promise.all([checkSchema(), checkOpenApi()])).filter(
  (problem) => problem !== undefined,
);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
