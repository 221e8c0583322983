import { z } from 'zod';
import type { AdminRoute } from '../kernel/admin-route.ts';
import { AwsError } from '../kernel/aws-error.ts';
import { type AwsRequest, AwsServer } from '../kernel/aws-server.ts';
import type { Authorizer } from '../kernel/principal.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { iotCoreCodes } from './iot-core-codes.ts';

export interface ServiceQuotasOptions extends Authorizer {
  /** Calls a second that AWS IoT Core's stand-in admits, by operation. */
  iotCore: Readonly<Record<string, number>>;
  /** Default 0: a free one. */
  port?: number;
}

/** Service Quotas API Reference, ListServiceQuotas. */
const listing = z.object({
  ServiceCode: z.string().regex(/^[a-zA-Z][a-zA-Z0-9-]{1,63}$/),
  MaxResults: z.int().min(1).max(100).default(100),
  NextToken: z.string().max(2048).optional(),
});

const iotCore = 'iotcore';

/** The stand-in for AWS Service Quotas: what this account's quotas of AWS IoT Core are. */
export class ServiceQuotas implements Service {
  readonly name = 'service-quotas';
  readonly adminRoutes: readonly AdminRoute[] = [];
  readonly #environment: Environment;
  readonly #options: ServiceQuotasOptions;
  readonly #server: AwsServer;
  #port = 0;

  constructor(environment: Environment, options: ServiceQuotasOptions) {
    this.#environment = environment;
    this.#options = options;
    this.#server = new AwsServer({
      ...environment,
      service: 'service-quotas',
      signingNames: ['servicequotas'],
      operations: [
        {
          name: 'ListServiceQuotas',
          method: 'POST',
          path: '/',
          target: 'ServiceQuotasV20190624.ListServiceQuotas',
          handle: (request) => ({ json: this.#list(request) }),
        },
      ],
      json11: true,
      throttles: { ListServiceQuotas: 10 },
      throttled: () => new AwsError('TooManyRequestsException', 400, 'Rate exceeded'),
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
    this.#port = await this.#server.listen(this.#options.port ?? 0);
  }

  async stop(): Promise<void> {
    await this.#server.close();
  }

  #list(request: AwsRequest): Record<string, unknown> {
    this.#options.authorize(request.principal, 'servicequotas:ListServiceQuotas', '*');
    const parsed = listing.safeParse(request.json());
    if (!parsed.success)
      throw new AwsError('IllegalArgumentException', 400, parsed.error.issues[0]?.message ?? 'not valid');
    const { ServiceCode, MaxResults, NextToken } = parsed.data;
    if (ServiceCode !== iotCore)
      throw new AwsError('NoSuchResourceException', 400, `The service ${ServiceCode} is not known here.`);
    const all = Object.entries(iotCoreCodes);
    const start = NextToken === undefined ? 0 : positionOf(NextToken, all.length);
    const end = start + MaxResults;
    return {
      Quotas: all.slice(start, end).flatMap(([operation, code]) => this.#quota(operation, code)),
      ...(end < all.length ? { NextToken: tokenOf(end) } : {}),
    };
  }

  /** A quota without an applied value is left out. */
  #quota(operation: string, code: string): object[] {
    const value = this.#options.iotCore[operation];
    if (value === undefined) return [];
    const { region, accountId } = this.#environment;
    return [
      {
        ServiceCode: iotCore,
        ServiceName: 'AWS IoT Core',
        QuotaArn: `arn:aws:servicequotas:${region}:${accountId}:${iotCore}/${code}`,
        QuotaCode: code,
        QuotaName: `${operation} API TPS`,
        Value: value,
        Unit: 'None',
        Adjustable: true,
        GlobalQuota: false,
        QuotaAppliedAtLevel: 'ACCOUNT',
      },
    ];
  }
}

function tokenOf(position: number): string {
  return Buffer.from(String(position)).toString('base64');
}

function positionOf(token: string, length: number): number {
  const position = Number(Buffer.from(token, 'base64').toString());
  if (Number.isInteger(position) && position > 0 && position < length) return position;
  throw new AwsError('InvalidPaginationTokenException', 400, 'Invalid input was provided.');
}
