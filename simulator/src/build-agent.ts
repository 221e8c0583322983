import { expectProgram } from './managed-process.ts';

/** Bundles the agent into the one file that boards run (`device-agent/dist`). Takes about half a second. */
export async function buildAgent(): Promise<void> {
  const build = new URL('../../device-agent/build.ts', import.meta.url).pathname;
  await expectProgram({ name: 'device-agent build', args: [build], env: {} });
}
