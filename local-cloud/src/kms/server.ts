import type { AdminRoute } from '../kernel/admin-route.ts';
import { AwsError } from '../kernel/aws-error.ts';
import { AwsServer } from '../kernel/aws-server.ts';
import type { Authorizer } from '../kernel/principal.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { Keys } from './keys.ts';
import { kmsOperations } from './operations.ts';

export interface KmsOptions extends Authorizer {
  /** Default 0: a free one. */
  port?: number;
}

/** Requests a second, shared quotas of the smaller regions (AWS KMS Developer Guide, "Request quotas"). */
const throttles = {
  CreateKey: 5,
  CreateAlias: 5,
  DescribeKey: 2000,
  GetPublicKey: 2000,
  Sign: 300,
  Verify: 300,
  EnableKey: 5,
  DisableKey: 5,
  ScheduleKeyDeletion: 15,
};

/** The stand-in for AWS KMS, as far as keys for signing go. */
export class Kms implements Service {
  readonly name = 'kms';
  readonly adminRoutes: readonly AdminRoute[] = [];
  readonly #wantedPort: number;
  readonly #server: AwsServer;
  #port = 0;

  constructor(environment: Environment, options: KmsOptions) {
    this.#wantedPort = options.port ?? 0;
    this.#server = new AwsServer({
      ...environment,
      service: 'kms',
      signingNames: ['kms'],
      operations: kmsOperations(new Keys(environment), options),
      json11: true,
      throttles,
      throttled: () =>
        new AwsError('ThrottlingException', 400, 'You have exceeded the rate at which you may call KMS.'),
    });
  }

  /** `http://127.0.0.1:port`, once started. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    this.#port = await this.#server.listen(this.#wantedPort);
  }

  async stop(): Promise<void> {
    await this.#server.close();
  }
}
