import type { Broker } from '../iot-broker/broker.ts';
import type { AdminRoute } from '../kernel/admin-route.ts';
import { AwsServer } from '../kernel/aws-server.ts';
import { Iam } from '../kernel/iam.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { methodNotAllowed, throttled } from './errors.ts';
import { type DataPlaneOperation, operationsOf } from './operations.ts';
import { ShadowTopics } from './shadow-topics.ts';
import type { Shadows } from './shadows.ts';

export interface IotDataOptions {
  /** 0, the default, takes a free one. */
  port: number;
  /** Of services that share the data plane's endpoint. */
  furtherOperations: readonly DataPlaneOperation[];
}

/** The data plane of AWS IoT Core over HTTP, and the shadows' MQTT topics on the broker. */
export class IotData implements Service {
  readonly name = 'iot-data';
  readonly adminRoutes: readonly AdminRoute[] = [];
  readonly #server: AwsServer;
  readonly #shadowTopics: ShadowTopics;
  readonly #wantedPort: number;
  #closeTopics: (() => void) | undefined;
  #port = 0;

  constructor(
    environment: Environment,
    shadows: Shadows,
    broker: Broker,
    { port = 0, furtherOperations = [] }: Partial<IotDataOptions>,
  ) {
    const { clock, region, accountId, store } = environment;
    const iam = new Iam(store, accountId);
    this.#wantedPort = port;
    this.#shadowTopics = new ShadowTopics(shadows, broker, clock);
    const operations = [
      ...operationsOf({
        shadows,
        shadowTopics: this.#shadowTopics,
        broker,
        clock,
        sessionExpirySeconds: broker.sessionExpirySeconds,
      }),
      ...furtherOperations,
    ];
    this.#server = new AwsServer({
      ...environment,
      service: 'iot-data',
      // The SDKs sign as iotdata (and the jobs one as below), the developer guide names iotdevicegateway.
      signingNames: ['iotdata', 'iotdevicegateway', 'iot-jobs-data'],
      operations: operations.map(({ resourceOf, ...operation }) => ({
        ...operation,
        handle: (request) => {
          const resource = `arn:aws:iot:${region}:${accountId}:${resourceOf(request)}`;
          iam.authorize(request.principal, `iot:${operation.name}`, resource);
          return operation.handle(request);
        },
      })),
      throttled,
      unknownOperation: () => {
        throw methodNotAllowed();
      },
    });
  }

  /** Known after the start. */
  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    if (this.#closeTopics !== undefined) return;
    this.#closeTopics = this.#shadowTopics.open();
    this.#port = await this.#server.listen(this.#wantedPort);
  }

  async stop(): Promise<void> {
    this.#closeTopics?.();
    this.#closeTopics = undefined;
    await this.#server.close();
  }
}

/** The registry is not asked: shadows neither need their thing nor end with it. */
export function createIotData(
  environment: Environment,
  shadows: Shadows,
  broker: Broker,
  options: Partial<IotDataOptions> = {},
): IotData {
  return new IotData(environment, shadows, broker, options);
}
