import { join } from 'node:path';
import { expectProgram } from './managed-process.ts';

/** Bundles the agent into the one file that boards run (`device-agent/dist`). Takes about half a second. */
export async function buildAgent(): Promise<void> {
  const build = join(import.meta.dirname, '../../device-agent/build.ts');
  await expectProgram({ name: 'device-agent build', args: [build], env: {} });
}
