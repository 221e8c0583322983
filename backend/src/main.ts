import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { composeBackend, productionAdapters } from './compose.ts';
import { type Config, ConfigError, loadConfig } from './config/config.ts';
import { createLogger, type Logger } from './kernel/logger.ts';

/** Requests under way get this long after SIGTERM. */
const drainMs = 10_000;
const drainSweepMs = 100;
/** A client that dribbles its request in is cut off. */
const requestTimeoutMs = 30_000;

function configuration(): Config {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}

function listen(server: Server, { httpHost, httpPort }: Config): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(
              `Port ${httpPort} on ${httpHost} is taken: stop the other program or set AOVIS_HTTP_PORT.`,
            )
          : error,
      );
    });
    server.listen(httpPort, httpHost, () => resolve(server.address() as AddressInfo));
  });
}

/** Takes no new connections, lets requests end, then cuts what is left. */
async function drain(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // A connection kept alive becomes idle only when its request ends; nobody else closes it then.
  const sweep = setInterval(() => server.closeIdleConnections(), drainSweepMs);
  const cut = setTimeout(() => server.closeAllConnections(), drainMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}

async function run(config: Config, log: Logger): Promise<void> {
  const adapters = productionAdapters(config, log);
  const backend = composeBackend(config, adapters);
  const server = createServer({ requestTimeout: requestTimeoutMs, headersTimeout: 10_000 }, backend.app);
  const stopAsked = new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  try {
    await backend.start();
    const { address, port } = await listen(server, config);
    log.info({ url: `http://${address}:${port}`, pid: process.pid }, 'listening');
    const signal = await stopAsked;
    log.info({ signal }, 'stopping');
    await drain(server);
  } finally {
    await backend.stop();
    await adapters.close();
  }
  log.info('stopped');
}

const config = configuration();
const log = createLogger({ level: config.logLevel });
run(config, log).catch((error: unknown) => {
  log.error({ error }, 'the backend cannot run');
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
