import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { composeBackend } from './compose.ts';
import { productionAdapters } from './composition/adapters.ts';
import { type Config, ConfigError, loadConfig } from './config/config.ts';
import { drain } from './http/drain.ts';
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
    const { address, port } = await listen(server, config);
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

const config = configuration();
const log = createLogger({ level: config.logLevel });
run(config, log).catch((error: unknown) => {
  log.error({ error }, 'the backend cannot run');
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
