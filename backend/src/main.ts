import { createServer } from 'node:http';
import { leaveNoCrashFiles } from '@aovis/contracts/crash-files';
import { databaseProblem } from '@aovis/migrations/database-problem';
import { composeBackend, SchemaRefused } from './compose.ts';
import { productionAdapters } from './composition/adapters.ts';
import { type Config, ConfigError, loadConfig } from './config/config.ts';
import { drain } from './http/drain.ts';
import { ListenRefused, listenOn } from './http/listen.ts';
import { createLogger, type Logger } from './kernel/logger.ts';

const drainTimes = { leaveMs: 500, endMs: 10_000 };
const serverTimes = {
  /** A client that dribbles its request in is cut off. */
  requestTimeout: 30_000,
  headersTimeout: 10_000,
  connectionsCheckingInterval: 5_000,
  /** Longer than load balancers keep theirs (AWS: 60 s), or they would send requests into connections that we close. */
  keepAliveTimeout: 65_000,
};

function configuration(): Config {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}

async function run(config: Config, log: Logger): Promise<void> {
  const adapters = productionAdapters(config, log);
  const backend = composeBackend(config, adapters);
  const server = createServer(serverTimes, backend.app);
  const stopAsked = new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  try {
    await backend.start();
    const { address, port } = await listenOn(server, {
      host: config.httpHost,
      port: config.httpPort,
      settings: 'AOVIS_HTTP',
    });
    log.info({ url: `http://${address}:${port}`, pid: process.pid }, 'listening');
    const signal = await stopAsked;
    log.info({ signal }, 'stopping');
    await drain(server, drainTimes);
  } finally {
    await backend.stop();
    await adapters.close();
  }
  log.info('stopped');
}

function startProblem(error: unknown): string | undefined {
  if (error instanceof ListenRefused || error instanceof SchemaRefused) return error.message;
  return databaseProblem(error);
}

leaveNoCrashFiles();
const config = configuration();
const log = createLogger({ level: config.logLevel });
run(config, log).catch((error: unknown) => {
  // What an operator can mend is said in a sentence; the stack of all else leads to the fault.
  const reason = startProblem(error);
  log.error(reason === undefined ? { error } : { reason }, 'the backend cannot run');
  process.stderr.write(`${reason ?? (error instanceof Error ? error.message : String(error))}\n`);
  process.exitCode = 1;
});
