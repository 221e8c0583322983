import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Part, PartHealth } from '../../part.ts';
import { Refusal } from '../../refusal.ts';

export interface MetricsServerOptions {
  /** Undefined: nothing is served. 0 takes any. */
  port: number | undefined;
  render: () => string;
}

/** Every program of the machine may read here: figures only, nothing that opens anything. */
const host = '127.0.0.1';
const contentType = 'text/plain; version=0.0.4; charset=utf-8';

/** Serves `GET /metrics` to Prometheus, or to the exporter of the board, on this machine alone. */
export class MetricsServer implements Part {
  readonly name = 'metrics';
  readonly #options: MetricsServerOptions;
  #server: Server | undefined;

  constructor(options: MetricsServerOptions) {
    this.#options = options;
  }

  /** Where it listens; undefined while it does not. */
  get port(): number | undefined {
    return (this.#server?.address() as AddressInfo | null | undefined)?.port;
  }

  async start(_signal: AbortSignal): Promise<void> {
    const { port, render } = this.#options;
    if (port === undefined || this.#server !== undefined) return;
    const server = createServer((request, response) => {
      const found = request.method === 'GET' && request.url === '/metrics';
      response.writeHead(found ? 200 : 404, { 'content-type': contentType, connection: 'close' });
      response.end(found ? render() : 'Only GET /metrics is here.\n');
    });
    server.headersTimeout = 5_000;
    server.maxConnections = 8;
    server.listen(port, host);
    try {
      await once(server, 'listening');
    } catch (cause) {
      throw new Refusal(
        'usage',
        `Port ${port} of ${host} cannot be used for metrics: choose another with --metrics-port (or AOVIS_AGENT_METRICS_PORT).`,
        { cause },
      );
    }
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  health(): PartHealth {
    return { ok: true, detail: this.port === undefined ? 'off' : `http://${host}:${this.port}/metrics` };
  }
}
