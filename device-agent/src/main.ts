import { join } from 'node:path';
import { leaveNoCrashFiles } from '@aovis/contracts/crash-files';
import { buildInfo } from './host/build-info.ts';
import { runningSoftware } from './software/running-software.ts';

leaveNoCrashFiles();
const stop = new AbortController();
if (runningSoftware()?.stop.aborted) stop.abort();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort());

const args = process.argv.slice(2);
const stderr = (text: string): void => void process.stderr.write(text);
// The installed agent has its clip beside it (see build.ts), the sources have it among the assets.
const clip = buildInfo.bundled ? 'clip.h264' : '../assets/clip.h264';
const clipPath = runningSoftware()?.clipPath ?? join(import.meta.dirname, clip);

/** True when a release from the state directory runs in this process, in the place of this program. */
async function launched(): Promise<boolean> {
  const mayBe = buildInfo.bundled && args[0] === 'run' && runningSoftware() === undefined;
  const wanted =
    'AOVIS_AGENT_UPDATE_KEY' in process.env || args.some((arg) => arg.startsWith('--update-key'));
  if (!mayBe || !wanted) return false;
  const { launchRelease } = await import('./software/launch.ts');
  return launchRelease({
    args,
    env: process.env,
    installedVersion: buildInfo.version,
    programDirectory: import.meta.dirname,
    clipPath,
    stop: stop.signal,
    warn: (sentence) => stderr(`aovis-agent: ${sentence}\n`),
  });
}

async function main(): Promise<void> {
  if (await launched()) return;
  // Loaded only now: a signal that comes while the program is being read ends it in order as well.
  const { runCli } = await import('./cli.ts');
  process.exitCode = await runCli(args, {
    env: process.env,
    signal: stop.signal,
    clipPath,
    stdout: (text) => void process.stdout.write(text),
    stderr,
  });
  // A native TLS handshake that was given up holds the process for up to half a minute; nothing else does.
  setTimeout(() => process.exit(), 1_000).unref();
}

void main();
