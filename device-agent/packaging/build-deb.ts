import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { agentPackage, packageName } from './agent-package.ts';
import { architectures } from './deb.ts';

/**
 * Makes `aovis-agent_VERSION_ARCHITECTURE.deb` for every architecture of boards; needs no Debian and no other tools.
 *
 *     node packaging/build-deb.ts [directory]      default: dist
 *
 * The same commit makes the same bytes: all times are those of the commit, or of SOURCE_DATE_EPOCH.
 */
const agent = join(import.meta.dirname, '..');
const [directory = join(agent, 'dist')] = process.argv.slice(2);
const run = promisify(execFile);

const { version } = JSON.parse(await readFile(join(agent, 'package.json'), 'utf8')) as { version: string };
const mtimeSeconds = Number(process.env.SOURCE_DATE_EPOCH ?? (await commitSeconds()));
const dist = await mkdtemp(join(tmpdir(), 'aovis-deb-'));
try {
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(mtimeSeconds) };
  await run(process.execPath, [join(agent, 'build.ts'), dist], { env });
  await mkdir(directory, { recursive: true });
  for (const architecture of architectures) {
    const path = join(directory, `${packageName}_${version}_${architecture}.deb`);
    await writeFile(path, await agentPackage({ version, architecture, dist, mtimeSeconds }));
    process.stdout.write(`${path}\n`);
  }
} finally {
  await rm(dist, { recursive: true });
}

async function commitSeconds(): Promise<string> {
  try {
    return (await run('git', ['log', '-1', '--format=%ct'], { cwd: agent })).stdout.trim();
  } catch (cause) {
    throw new Error(
      'There is no git history to take the time from: set SOURCE_DATE_EPOCH (seconds since 1970).',
      {
        cause,
      },
    );
  }
}
