import type { AdminRoute } from '../kernel/admin-route.ts';
import { type AwsOperation, AwsServer } from '../kernel/aws-server.ts';
import type { Iam } from '../kernel/iam.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { adminRoutes } from './admin-routes.ts';
import { CaCertificates } from './ca-certificates.ts';
import { Certificates } from './certificates.ts';
import { throttled } from './errors.ts';
import { Policies } from './policies.ts';
import { RoleAliases } from './role-aliases.ts';
import { IotState } from './state.ts';
import { StoredRegistry } from './stored-registry.ts';
import { ThingGroups } from './thing-groups.ts';
import { ThingTypes } from './thing-types.ts';
import { Things } from './things.ts';
import { throttlesOf } from './throttles.ts';
import { accountOperations, type IotEndpoints } from './wire/account-operations.ts';
import { certificateOperations } from './wire/certificate-operations.ts';
import { policyOperations } from './wire/policy-operations.ts';
import { thingGroupOperations, thingOperations, thingTypeOperations } from './wire/thing-operations.ts';

/** The control plane of AWS IoT Core: the registry and its HTTP API. */
export class IotCore implements Service {
  readonly name = 'iot-core';
  /** Calls a second that are admitted, by operation. */
  readonly quotas: Readonly<Record<string, number>>;
  readonly registry: StoredRegistry;
  readonly roleAliases: RoleAliases;
  readonly adminRoutes: readonly AdminRoute[];
  readonly #state: IotState;
  readonly #server: AwsServer;
  readonly #wantedPort: number;
  #port = 0;

  /** `furtherOperations` are of services that share the control plane's endpoint. */
  constructor(
    environment: Environment,
    iam: Iam,
    endpoints: IotEndpoints,
    port: number,
    furtherOperations: readonly AwsOperation[] = [],
  ) {
    const { accountId } = environment;
    const state = new IotState(environment);
    const cas = new CaCertificates(state);
    const certificates = new Certificates(state, cas, environment.pki);
    this.#state = state;
    this.#wantedPort = port;
    this.registry = new StoredRegistry(state, certificates);
    this.roleAliases = new RoleAliases(state);
    this.adminRoutes = adminRoutes(state, certificates);
    const operations = [
      ...certificateOperations(state, cas, certificates, accountId),
      ...thingOperations(new Things(state)),
      ...thingTypeOperations(state, new ThingTypes(state)),
      ...thingGroupOperations(state, new ThingGroups(state)),
      ...policyOperations(state, new Policies(state)),
      ...accountOperations(state, this.roleAliases, endpoints, accountId),
      ...furtherOperations,
    ];
    this.quotas = throttlesOf(operations);
    this.#server = new AwsServer({
      ...environment,
      service: 'iot-core',
      signingNames: ['iot', 'execute-api'],
      operations: operations.map((operation) => authorized(operation, iam)),
      throttles: this.quotas,
      throttled,
    });
  }

  /** Known after the start. */
  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    if (this.#port === 0) this.#port = await this.#server.listen(this.#wantedPort);
  }

  async stop(): Promise<void> {
    await this.#server.close();
    this.#port = 0;
  }

  /** The store is empty by now; whoever follows the registry hears of it. */
  reset(): void {
    this.#state.announceReset();
  }
}

/** A role's credentials reach the control plane only where its policy says so, on any resource. */
function authorized(operation: AwsOperation, iam: Iam): AwsOperation {
  return {
    ...operation,
    handle: (request) => {
      iam.authorize(request.principal, `iot:${operation.name}`, '*');
      return operation.handle(request);
    },
  };
}
