import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startDatabaseServer } from '@aovis/dev-database/server';
import { apiContracts } from '../backend/src/http/api-contracts.ts';
import { openApiDocument } from '../backend/src/http/openapi.ts';
import { commandReference } from '../provisioning-tool/src/cli/command-reference.ts';
import { manPage } from '../provisioning-tool/src/cli/man-page.ts';
import { agentSettings } from './agent-settings.ts';
import { envExample } from './env-example.ts';

/**
 * Fails when a committed file differs from what its source makes: migrations/schema.sql, docs/openapi.json,
 * api-client/src/schema.ts, docs/provisioning-commands.md, the man page of the provisioning tool and .env.example.
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

async function checkFile(path: string, text: string, source: string): Promise<string | undefined> {
  if (write) {
    await writeFile(join(root, path), text);
    return undefined;
  }
  const committed = await readFile(join(root, path), 'utf8').catch(() => '');
  return committed === text
    ? undefined
    : `${path} differs from ${source}. Run: npm run check:generated -- --write`;
}

/** What stands between the two marks of a page. */
async function checkSection(path: string, text: string, source: string): Promise<string | undefined> {
  const page = await readFile(join(root, path), 'utf8');
  const marks = /(<!-- made by npm run check:generated -- --write -->\n)[^]*(<!-- end -->)/;
  return checkFile(
    path,
    page.replace(marks, (_, begin: string, end: string) => `${begin}${text}${end}`),
    source,
  );
}

/** The types of the API, by the command line of openapi-typescript: it needs a TypeScript of its own. */
async function clientTypes(document: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'aovis-client-'));
  try {
    const [input, output] = [join(directory, 'openapi.json'), join(directory, 'schema.ts')];
    await writeFile(input, document);
    const command = join(root, 'api-client/node_modules/openapi-typescript/bin/cli.js');
    await run(process.execPath, [command, input, '--output', output, '--alphabetize']);
    return await readFile(output, 'utf8');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const openApi = `${JSON.stringify(openApiDocument(apiContracts), null, 2)}\n`;
const checks = [
  checkSchema(),
  checkFile('docs/openapi.json', openApi, 'the route contracts'),
  checkFile('api-client/src/schema.ts', await clientTypes(openApi), 'docs/openapi.json'),
  checkFile('docs/provisioning-commands.md', commandReference(), 'the command line of the provisioning tool'),
  checkFile(
    'provisioning-tool/man/aovis-provision.1',
    manPage(),
    'the command line of the provisioning tool',
  ),
  checkFile('.env.example', envExample(), "the programs' tables of settings"),
  checkSection('docs/agent.md', agentSettings(), "the agent's table of settings"),
];
const problems = (await Promise.all(checks)).filter((problem) => problem !== undefined);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
