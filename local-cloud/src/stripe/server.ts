import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AdminRoute } from '../kernel/admin-route.ts';
import { HttpAnswer, HttpRefusal } from '../kernel/http-answer.ts';
import { close, listen } from '../kernel/listen.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { adminRoutes } from './admin-routes.ts';
import { StripeApi } from './api.ts';
import { Checkout } from './checkout.ts';
import { Disputes } from './disputes.ts';
import { Events } from './events.ts';
import { createOperations } from './operations.ts';
import { PayRoutes } from './pay-routes.ts';
import { Payments } from './payments.ts';
import { Refunds } from './refunds.ts';
import { StripeState } from './state.ts';

/** How often sessions are looked through for those that are over their time. */
const sweepMs = 1000;

export interface StripeOptions {
  port: number;
  /** For tests: waiting time after a failed webhook attempt, ms. */
  backOffMs?: (attempt: number) => number;
}

/** Stands in for Stripe: REST API and pay page on one port, webhooks out. */
export class Stripe implements Service {
  readonly name = 'stripe';
  readonly adminRoutes: readonly AdminRoute[];
  readonly #environment: Environment;
  readonly #wantedPort: number;
  readonly #events: Events;
  readonly #checkout: Checkout;
  readonly #api: StripeApi;
  readonly #pay: PayRoutes;
  readonly #server: Server;
  #port = 0;
  #sweep: NodeJS.Timeout | undefined;

  constructor(environment: Environment, { port, backOffMs }: StripeOptions) {
    const { store, clock, faults, log } = environment;
    this.#environment = environment;
    this.#wantedPort = port;
    const state = new StripeState(store);
    const events = new Events({ state, store, clock, log, backOffMs });
    const checkout = new Checkout(state, events, clock, () => this.url);
    const payments = new Payments(state, events, clock);
    const refunds = new Refunds(state, events, clock, faults);
    const disputes = new Disputes(state, events, clock);
    const undelivered = (id: string) =>
      events.queue.list().filter((one) => one.subject === id && one.state !== 'delivered').length;
    this.#events = events;
    this.#checkout = checkout;
    this.#api = new StripeApi({
      environment,
      state,
      events,
      operations: createOperations({ state, checkout, refunds, disputes, undelivered }),
      catchUp: () => this.#expireDue(),
    });
    this.#pay = new PayRoutes({ state, payments, store });
    this.adminRoutes = adminRoutes({ state, store, events, payments, refunds, disputes });
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://localhost:${this.#port}`;
  }

  async start(): Promise<void> {
    if (this.#port !== 0) return;
    this.#port = await listen(this.#server, this.#wantedPort);
    this.#events.queue.start();
    this.#sweep = setInterval(() => this.#expireDue(), sweepMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweep);
    await this.#events.queue.stop();
    await close(this.#server);
    this.#port = 0;
  }

  reset(): void {
    this.#events.queue.reset();
  }

  #expireDue(): void {
    this.#environment.store.transaction(() => this.#checkout.expireDue());
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '/'] = (request.url ?? '/').split('?');
    const [, sessionId] = /^\/pay\/(cs_test_\w+)$/.exec(path) ?? [];
    if (sessionId === undefined && !path.startsWith('/pay/')) return this.#api.serve(request, response);
    this.#expireDue();
    const answer = await this.#pay.answer(request, sessionId ?? '').catch((error: unknown) => {
      const known = error instanceof HttpRefusal;
      if (!known) this.#environment.log.error({ err: error }, 'pay page failed');
      return new HttpAnswer(
        known ? error.status : 500,
        { 'content-type': 'text/plain; charset=utf-8' },
        known ? error.message : 'The stand-in failed; its log says why.',
      );
    });
    response.writeHead(answer.status, {
      ...answer.headers,
      ...(request.complete ? {} : { connection: 'close' }),
    });
    response.end(answer.body);
  }
}
