import { createServer, type Server } from 'node:http';
import type { AdminRoute } from '../kernel/admin-route.ts';
import { close, listen } from '../kernel/listen.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { adminRoutes } from './admin-routes.ts';
import { EiotclubApi } from './api.ts';
import { createMethods } from './methods.ts';
import { Notifications } from './notifications.ts';
import { Orders } from './orders.ts';
import { EiotclubState } from './state.ts';

/** How often orders are looked through for what time brings. */
const sweepMs = 250;

export interface EiotclubOptions {
  port: number;
  /** For tests: waiting time after a failed notification, ms. */
  backOffMs?: (attempt: number) => number;
}

/** Stands in for EIOTCLUB's open platform: cards, packages and orders, notifications out. */
export class Eiotclub implements Service {
  readonly name = 'eiotclub';
  readonly adminRoutes: readonly AdminRoute[];
  readonly #environment: Environment;
  readonly #wantedPort: number;
  readonly #notifications: Notifications;
  readonly #orders: Orders;
  readonly #server: Server;
  #port = 0;
  #sweep: NodeJS.Timeout | undefined;

  constructor(environment: Environment, { port, backOffMs }: EiotclubOptions) {
    const { store, clock, log } = environment;
    this.#environment = environment;
    this.#wantedPort = port;
    const state = new EiotclubState(store);
    this.#notifications = new Notifications({ state, store, clock, log, backOffMs });
    this.#orders = new Orders(state, this.#notifications, clock);
    const api = new EiotclubApi({
      environment,
      state,
      methods: createMethods(state, this.#orders),
      catchUp: () => this.#orders.catchUp(),
    });
    this.adminRoutes = adminRoutes({
      state,
      store,
      orders: this.#orders,
      notifications: this.#notifications,
    });
    this.#server = createServer((request, response) => void api.serve(request, response));
  }

  get port(): number {
    return this.#port;
  }

  /** In place of https://oapi.eiotclub.com. */
  get url(): string {
    return `http://localhost:${this.#port}`;
  }

  async start(): Promise<void> {
    if (this.#port !== 0) return;
    this.#port = await listen(this.#server, this.#wantedPort);
    this.#notifications.queue.start();
    this.#sweep = setInterval(
      () => this.#environment.store.transaction(() => this.#orders.catchUp()),
      sweepMs,
    );
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweep);
    await this.#notifications.queue.stop();
    await close(this.#server);
    this.#port = 0;
  }

  reset(): void {
    this.#notifications.queue.reset();
  }
}
