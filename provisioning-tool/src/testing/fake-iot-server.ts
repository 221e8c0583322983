import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FakeIotAccount } from './fake-iot-account.ts';
import { authorityRoutes } from './fake-iot-authorities.ts';
import { certificateRoutes } from './fake-iot-certificates.ts';
import { policyRoutes } from './fake-iot-policies.ts';
import { thingRoutes } from './fake-iot-things.ts';
import { ApiError, answer, type Body, type Route } from './fake-iot-wire.ts';

export interface Fault {
  /**
   * `refuse`: answered with an error, no effect. `lose`: takes effect, the connection ends without an answer. `hang`: takes
   * effect, and nothing ever comes. `cut`: the connection ends, no effect.
   */
  kind: 'refuse' | 'lose' | 'hang' | 'cut';
  status?: number;
  code?: string;
}

export interface FakeIotOptions {
  /** Calls a second by operation; operations without one are not throttled. */
  quotas?: Partial<Record<string, number>>;
  /** Asked once per request, before it takes effect. */
  fault?: (operation: string, call: number) => Fault | undefined;
  /** Called before (`false`) and after (`true`) each effect. */
  onCall?: (operation: string, done: boolean) => void;
  now?: () => number;
}

/**
 * A small AWS IoT control plane for the tests of this folder: the calls the tool makes, in the SDK's restJson
 * bindings, with the documented answers to repeats, per-operation throttles, and faults on demand.
 */
export class FakeIotServer extends FakeIotAccount {
  readonly #routes: Route[];
  readonly calls: { operation: string; at: number }[] = [];
  /** Every request as it came: address, headers and body. */
  readonly received: string[] = [];
  readonly throttled: string[] = [];
  options: FakeIotOptions;
  readonly #server: Server;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(options: FakeIotOptions = {}) {
    super();
    this.options = options;
    this.#routes = [thingRoutes, certificateRoutes, policyRoutes, authorityRoutes].flatMap((routes) =>
      routes(this),
    );
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.received.push(
      [request.url, JSON.stringify(request.headers), Buffer.concat(chunks).toString()].join('\n'),
    );
    const url = new URL(request.url ?? '/', 'http://fake');
    const route = this.#routes.find(
      ({ method, path }) => method === request.method && path.test(url.pathname),
    );
    if (!route) {
      answer(response, 404, { message: `no route for ${request.method} ${url.pathname}` });
      return;
    }
    const { operation } = route;
    this.calls.push({ operation, at: this.#now() });
    const fault = this.options.fault?.(operation, this.calls.length);
    if (fault?.kind === 'cut') {
      request.socket.destroy();
      return;
    }
    try {
      if (fault?.kind === 'refuse')
        throw new ApiError(fault.status ?? 500, fault.code ?? 'InternalFailureException', 'injected');
      this.#throttle(operation);
      this.options.onCall?.(operation, false);
      const body = route.handle({
        name: decodeURIComponent(route.path.exec(url.pathname)?.[1] ?? ''),
        query: url.searchParams,
        headers: request.headers,
        body: chunks.length > 0 ? (JSON.parse(Buffer.concat(chunks).toString()) as Body) : {},
      });
      this.options.onCall?.(operation, true);
      if (fault?.kind === 'hang') return;
      if (fault?.kind === 'lose') request.socket.destroy();
      else answer(response, 200, body);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      answer(response, error.status, { message: error.message, ...error.extra }, error.code);
    }
  }

  #now(): number {
    return this.options.now?.() ?? Date.now();
  }

  #throttle(operation: string): void {
    const quota = this.options.quotas?.[operation];
    if (quota === undefined) return;
    const now = this.#now();
    const bucket = this.#buckets.get(operation) ?? { tokens: quota, at: now };
    bucket.tokens = Math.min(quota, bucket.tokens + ((now - bucket.at) / 1000) * quota);
    bucket.at = now;
    this.#buckets.set(operation, bucket);
    if (bucket.tokens < 1) {
      this.throttled.push(operation);
      throw new ApiError(400, 'ThrottlingException', 'Rate exceeded');
    }
    bucket.tokens -= 1;
  }
}
