import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { listenOn } from '../http/listen.ts';
import type { Logger } from '../kernel/logger.ts';

export interface MetricsServerOptions {
  registry: Registry;
  host: string;
  /** Undefined: no metrics are served. 0: a free one. */
  port: number | undefined;
  log: Logger;
}

/** Serves `GET /metrics` on a listener of its own, so that no proxy shows it to the world by mistake. */
export class MetricsServer {
  readonly #options: MetricsServerOptions;
  #server: Server | undefined;

  constructor(options: MetricsServerOptions) {
    this.#options = options;
  }

  /** Where it listens; undefined while it does not. */
  get url(): string | undefined {
    const address = this.#server?.address() as AddressInfo | null | undefined;
    return address ? `http://${address.address}:${address.port}/metrics` : undefined;
  }

  /** @throws ListenRefused */
  async start(): Promise<void> {
    const { host, port, log } = this.#options;
    if (port === undefined || this.#server) return;
    const server = createServer((request, response) => {
      void this.#answer(request.url).then(({ status, type, text }) => {
        response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(text);
      });
    });
    this.#server = server;
    await listenOn(server, { host, port, settings: 'AOVIS_METRICS' });
    log.info({ url: this.url }, 'metrics');
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async #answer(url: string | undefined): Promise<{ status: number; type: string; text: string }> {
    const plain = 'text/plain; charset=utf-8';
    if (url !== '/metrics') return { status: 404, type: plain, text: 'There is only /metrics here.\n' };
    const { registry, log } = this.#options;
    try {
      return { status: 200, type: registry.contentType, text: await registry.metrics() };
    } catch (error) {
      log.warn({ error }, 'the metrics cannot be read');
      return { status: 503, type: plain, text: 'The metrics cannot be read right now.\n' };
    }
  }
}
