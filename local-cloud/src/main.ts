import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { composeLocalCloud, describe, PortInUse } from './compose.ts';
import { ConfigError, loadConfig, settings } from './config.ts';
import { removeEndpointsFile, writeEndpointsFile } from './endpoints-file.ts';
import { StateDirectoryError } from './kernel/state-directory.ts';

const usage = `npm run cloud -- [--endpoints-file FILE] [--help]

Runs the stand-ins for the cloud services until Ctrl-C. Settings come from the environment:
${Object.values(settings)
  .map(({ variable, about, default: fallback }) => `  ${variable.padEnd(34)}${about} (${fallback})`)
  .join('\n')}
`;

const sameWishMs = 1000;

/** Exit code 2: wrong settings or arguments; 1: it could not start. */
async function main(): Promise<number> {
  const { endpointsFile, help } = readArguments();
  if (help) {
    process.stdout.write(usage);
    return 0;
  }
  const config = loadConfig(process.env);
  const file = endpointsFile === undefined ? config.endpointsFile : resolve(endpointsFile);
  // Asked for before the start, so that a Ctrl-C during it is not lost.
  const asked = askedToStop();
  const cloud = await composeLocalCloud(config);
  await cloud.start();
  const endpoints = cloud.endpoints();
  writeEndpointsFile(file, endpoints);
  const lines = Object.entries(describe(endpoints)).map(([name, where]) => `  ${name.padEnd(26)}${where}`);
  process.stdout.write(
    `local-cloud is ready; ${relative('.', file) || file} says where everything is:\n${lines.join('\n')}\nCtrl-C stops it.\n`,
  );
  await asked;
  removeEndpointsFile(file, endpoints.accessKeyId);
  await cloud.stop();
  return 0;
}

function readArguments(): { endpointsFile: string | undefined; help: boolean } {
  try {
    const { values } = parseArgs({
      options: { 'endpoints-file': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    return { endpointsFile: values['endpoints-file'], help: values.help === true };
  } catch (cause) {
    throw new ConfigError([cause instanceof Error ? cause.message : String(cause)]);
  }
}

/** Resolves at the first SIGINT, SIGTERM or SIGHUP; one that comes later ends the process at once. */
function askedToStop(): Promise<void> {
  return new Promise((resolve) => {
    let askedAt: number | undefined;
    const onSignal = (): void => {
      const now = performance.now();
      askedAt ??= now;
      // npm passes on a Ctrl-C that the terminal has sent to us already: the same wish twice.
      if (now - askedAt > sameWishMs) process.exit(130);
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  const expected =
    error instanceof ConfigError || error instanceof PortInUse || error instanceof StateDirectoryError;
  process.stderr.write(
    `${expected ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exitCode = error instanceof ConfigError ? 2 : 1;
}
