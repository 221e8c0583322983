import { join } from 'node:path';
import { expectProgram } from './managed-process.ts';

/** Bundles the agent into the one file that boards run, into `device-agent/dist` unless told otherwise. Takes about half a second. */
export async function buildAgent(release?: { version: string; directory: string }): Promise<void> {
  const build = join(import.meta.dirname, '../../device-agent/build.ts');
  const words = release === undefined ? [] : ['--version', release.version, release.directory];
  await expectProgram({ name: 'device-agent build', args: [build, ...words], env: {} });
}
