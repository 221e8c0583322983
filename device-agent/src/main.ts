import { join } from 'node:path';
import { buildInfo } from './host/build-info.ts';

const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort());

// The bundled agent has its clip beside it (see build.ts), the sources have it among the assets.
const clip = buildInfo.bundled ? 'clip.h264' : '../assets/clip.h264';

// Loaded only now: a signal that comes while the program is being read ends it in order as well.
void import('./cli.ts')
  .then(({ runCli }) =>
    runCli(process.argv.slice(2), {
      env: process.env,
      signal: stop.signal,
      clipPath: join(import.meta.dirname, clip),
      stdout: (text) => void process.stdout.write(text),
      stderr: (text) => void process.stderr.write(text),
    }),
  )
  .then((exitCode) => {
    process.exitCode = exitCode;
    // A native TLS handshake that was given up holds the process for up to half a minute; nothing else does.
    setTimeout(() => process.exit(), 1_000).unref();
  });
