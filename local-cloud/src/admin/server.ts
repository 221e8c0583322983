import { z } from 'zod';
import type { AdminRoute } from '../kernel/admin-route.ts';
import { faultRuleSchema } from '../kernel/faults.ts';
import { HttpAnswer, HttpRefusal } from '../kernel/http-answer.ts';
import { type Iam, roleSchema } from '../kernel/iam.ts';
import { RouteServer } from '../kernel/route-server.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { type ConnectedBoard, indexPage } from './page.ts';

const switchSchema = z.strictObject({ enabled: z.boolean() });
const clockSchema = z.strictObject({ offsetMs: z.int() });

export interface AdminOptions {
  environment: Environment;
  iam: Iam;
  /** The services whose routes it shows and which it resets; itself not among them. */
  services: readonly Service[];
  /** Told when the throttles are switched, for a service that keeps its own. */
  onThrottling: (enabled: boolean) => void;
  /** The MQTT clients that are connected, for the index page. */
  boards: () => ConnectedBoard[];
  /** The names of the video streams, for the index page. */
  streams: () => readonly string[];
  /** What the index page lists as endpoints. */
  endpoints: () => Readonly<Record<string, string>>;
  port: number;
}

/** The admin surface: faults, throttles, clock, roles, reset, and the routes that services bring. */
export class Admin implements Service {
  readonly name = 'admin';
  readonly adminRoutes: readonly AdminRoute[];
  readonly #options: AdminOptions;
  readonly #server: RouteServer;

  constructor(options: AdminOptions) {
    this.#options = options;
    this.#server = new RouteServer(options.environment.log);
    this.adminRoutes = [...this.#faultRoutes(), ...this.#systemRoutes(), ...this.#roleRoutes()];
    const index = { method: 'GET', summary: 'This page', handle: () => this.#index() } as const;
    this.#server.mount([
      { ...index, path: '/' },
      { ...index, path: '/_local' },
      ...this.adminRoutes,
      ...options.services.flatMap((service) => service.adminRoutes),
    ]);
  }

  get port(): number {
    return this.#server.port;
  }

  get url(): string {
    return this.#server.url;
  }

  start(): Promise<void> {
    return this.#server.start(this.#options.port);
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  #index(): HttpAnswer {
    const { environment, iam, services, endpoints, boards, streams } = this.#options;
    return HttpAnswer.html(
      indexPage({
        adminUrl: this.url,
        boards: boards(),
        streams: streams(),
        endpoints: endpoints(),
        account: `${environment.accountId} in ${environment.region}`,
        faults: environment.faults.list(),
        throttling: environment.faults.throttling,
        clockOffsetMs: environment.clock.offsetMs,
        roles: iam.roles().map(({ roleName }) => roleName),
        groups: [this, ...services].map(({ name, adminRoutes }) => ({ name, routes: adminRoutes })),
      }),
    );
  }

  #faultRoutes(): AdminRoute[] {
    const { faults } = this.#options.environment;
    return [
      {
        method: 'GET',
        path: '/_local/faults',
        summary: 'The faults that are set',
        handle: () => ({ faults: faults.list() }),
      },
      {
        method: 'POST',
        path: '/_local/faults',
        summary:
          'Sets one: {"service","operation"?,"subject"?,"effect":{"kind":"error"|"delay"|"lose-answer"|"drop"|"custom",…},"times"?}',
        handle: ({ body }) => ({ id: faults.add(faultRuleSchema.parse(body)) }),
      },
      {
        method: 'DELETE',
        path: '/_local/faults',
        summary: 'Removes all faults',
        handle: () => faults.clear(),
      },
      {
        method: 'DELETE',
        path: '/_local/faults/{id}',
        summary: 'Removes one fault',
        handle: ({ params }) => {
          if (!faults.remove(params['id'] ?? ''))
            throw new HttpRefusal(404, `There is no fault ${params['id']}`);
        },
      },
    ];
  }

  #systemRoutes(): AdminRoute[] {
    const { environment, services } = this.#options;
    const { clock, faults, store } = environment;
    const throttle = (enabled: boolean): void => {
      faults.throttling = enabled;
      this.#options.onThrottling(enabled);
    };
    const time = () => ({ offsetMs: clock.offsetMs, now: new Date(clock.now()).toISOString() });
    return [
      {
        method: 'GET',
        path: '/_local/health',
        summary: 'Whether the stand-ins run',
        handle: () => ({ status: 'ok', services: services.map(({ name }) => name) }),
      },
      {
        method: 'PUT',
        path: '/_local/throttling',
        summary: 'Switches the throttles of all AWS endpoints: {"enabled":false}',
        handle: ({ body }) => {
          throttle(switchSchema.parse(body).enabled);
          return { enabled: faults.throttling };
        },
      },
      {
        method: 'GET',
        path: '/_local/clock',
        summary: 'The clock of the stand-ins',
        handle: time,
      },
      {
        method: 'PUT',
        path: '/_local/clock',
        summary: 'Sets how far it is ahead of (or, below zero, behind) this machine: {"offsetMs":3600000}',
        handle: ({ body }) => {
          clock.shift(clockSchema.parse(body).offsetMs);
          return time();
        },
      },
      {
        method: 'POST',
        path: '/_local/reset',
        summary: 'Forgets everything but the access key, the root CA and the ports',
        handle: async () => {
          store.reset();
          faults.clear();
          throttle(true);
          clock.shift(0);
          for (const service of services) await service.reset?.();
        },
      },
    ];
  }

  #roleRoutes(): AdminRoute[] {
    const { iam } = this.#options;
    return [
      {
        method: 'GET',
        path: '/_local/roles',
        summary: 'The IAM roles that role aliases can name',
        handle: () => ({ roles: iam.roles() }),
      },
      {
        method: 'GET',
        path: '/_local/roles/{roleName}',
        summary: 'One role',
        handle: ({ params }) => {
          const role = iam.findRole(params['roleName'] ?? '');
          if (role === undefined) throw new HttpRefusal(404, `There is no role ${params['roleName']}`);
          return role;
        },
      },
      {
        method: 'PUT',
        path: '/_local/roles/{roleName}',
        summary:
          'Makes or replaces a role: {"policyDocument":{…},"trust"?:["credentials.iot.amazonaws.com"],"maxSessionSeconds"?:3600}',
        handle: ({ params, body }) => {
          const given = typeof body === 'object' && body !== null ? body : {};
          const role = roleSchema.parse({ ...given, roleName: params['roleName'] });
          iam.putRole(role);
          return role;
        },
      },
      {
        method: 'DELETE',
        path: '/_local/roles/{roleName}',
        summary: 'Deletes a role',
        handle: ({ params }) => {
          if (!iam.deleteRole(params['roleName'] ?? ''))
            throw new HttpRefusal(404, `There is no role ${params['roleName']}`);
        },
      },
    ];
  }
}
