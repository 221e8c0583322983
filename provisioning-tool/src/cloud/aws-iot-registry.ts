import {
  AddThingToThingGroupCommand,
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CreateThingCommand,
  DescribeCACertificateCommand,
  DescribeCertificateCommand,
  DescribeEndpointCommand,
  DescribeRoleAliasCommand,
  DescribeThingCommand,
  DescribeThingGroupCommand,
  DescribeThingTypeCommand,
  GetPolicyCommand,
  GetRegistrationCodeCommand,
  IoTClient,
  RegisterCACertificateCommand,
  RegisterCertificateCommand,
  RegisterCertificateWithoutCACommand,
  ResourceAlreadyExistsException,
  UpdateCACertificateCommand,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot';
import { cloudFailureOf } from './aws-errors.ts';
import {
  type CertificateDescription,
  CloudFailure,
  type IotRegistry,
  type QuotaOperation,
  quotas,
  type ThingDescription,
} from './iot-registry.ts';
import { PacedCalls, type RetryRules } from './paced-calls.ts';
import { TokenBucket } from './token-bucket.ts';

export interface AwsIotOptions {
  region: string;
  /** Instead of the region's public control endpoint. */
  controlUrl: string | undefined;
  /** Calls a second this account may make, where they differ from AWS's defaults. */
  quotas: Partial<Record<QuotaOperation, number>>;
  requestTimeoutMs: number;
  rules: RetryRules;
}

/**
 * AWS IoT Core's control plane. Credentials come from the SDK's default chain. Each operation with a quota has
 * its own token bucket; the SDK's own retries are off, so that every call that goes out was paced.
 */
export class AwsIotRegistry implements IotRegistry {
  readonly #client: IoTClient;
  readonly #rules: RetryRules;
  readonly #calls: PacedCalls;
  readonly #buckets: ReadonlyMap<string, TokenBucket>;

  constructor(options: AwsIotOptions) {
    this.#rules = options.rules;
    this.#calls = new PacedCalls(options.rules);
    this.#client = new IoTClient({
      region: options.region,
      ...(options.controlUrl ? { endpoint: options.controlUrl } : {}),
      maxAttempts: 1,
      requestHandler: {
        connectionTimeout: 5_000,
        requestTimeout: options.requestTimeoutMs,
        throwOnRequestTimeout: true,
      },
    });
    this.#buckets = new Map(
      Object.entries({ ...quotas, ...options.quotas }).map(([operation, quota]) => [
        operation,
        new TokenBucket(quota, options.rules.clock),
      ]),
    );
  }

  close(): void {
    this.#client.destroy();
  }

  async endpoints(): Promise<{ iot: string; credentials: string }> {
    const [iot, credentials] = await Promise.all([
      this.#endpoint('iot:Data-ATS'),
      this.#endpoint('iot:CredentialProvider'),
    ]);
    return { iot, credentials };
  }

  async findPolicyArn(name: string): Promise<string | undefined> {
    const found = await this.#find('GetPolicy', (abort) =>
      this.#client.send(new GetPolicyCommand({ policyName: name }), abort),
    );
    return found?.policyArn;
  }

  async hasThingType(name: string): Promise<boolean> {
    const found = await this.#find('DescribeThingType', (abort) =>
      this.#client.send(new DescribeThingTypeCommand({ thingTypeName: name }), abort),
    );
    return found !== undefined;
  }

  async hasThingGroup(name: string): Promise<boolean> {
    const found = await this.#find('DescribeThingGroup', (abort) =>
      this.#client.send(new DescribeThingGroupCommand({ thingGroupName: name }), abort),
    );
    return found !== undefined;
  }

  async hasRoleAlias(name: string): Promise<boolean> {
    const found = await this.#find('DescribeRoleAlias', (abort) =>
      this.#client.send(new DescribeRoleAliasCommand({ roleAlias: name }), abort),
    );
    return found !== undefined;
  }

  async registrationCode(): Promise<string> {
    const answer = await this.#call('GetRegistrationCode', (abort) =>
      this.#client.send(new GetRegistrationCodeCommand({}), abort),
    );
    return required('GetRegistrationCode', answer.registrationCode);
  }

  async registerCa(ca: {
    pem: string;
    mode: 'SNI_ONLY' | 'DEFAULT';
    verificationPem: string | undefined;
  }): Promise<{ id: string; alreadyRegistered: boolean }> {
    return await this.#call('RegisterCACertificate', async (abort) => {
      try {
        const answer = await this.#client.send(
          new RegisterCACertificateCommand({
            caCertificate: ca.pem,
            certificateMode: ca.mode,
            setAsActive: true,
            ...(ca.verificationPem ? { verificationCertificate: ca.verificationPem } : {}),
          }),
          abort,
        );
        return { id: required('RegisterCACertificate', answer.certificateId), alreadyRegistered: false };
      } catch (error) {
        if (!(error instanceof ResourceAlreadyExistsException) || !error.resourceId) throw error;
        return { id: error.resourceId, alreadyRegistered: true };
      }
    });
  }

  async findCa(id: string): Promise<{ status: string } | undefined> {
    const found = await this.#find('DescribeCACertificate', (abort) =>
      this.#client.send(new DescribeCACertificateCommand({ certificateId: id }), abort),
    );
    return found && { status: required('DescribeCACertificate', found.certificateDescription?.status) };
  }

  async describeCa(id: string): Promise<{ pem: string; status: string; mode: string | undefined }> {
    const answer = await this.#call('DescribeCACertificate', (abort) =>
      this.#client.send(new DescribeCACertificateCommand({ certificateId: id }), abort),
    );
    const { certificatePem, status, certificateMode } = answer.certificateDescription ?? {};
    return {
      pem: required('DescribeCACertificate', certificatePem),
      status: required('DescribeCACertificate', status),
      mode: certificateMode,
    };
  }

  async activateCa(id: string): Promise<void> {
    await this.#call('UpdateCACertificate', (abort) =>
      this.#client.send(new UpdateCACertificateCommand({ certificateId: id, newStatus: 'ACTIVE' }), abort),
    );
  }

  async createThing(name: string, thing: ThingDescription): Promise<void> {
    await this.#call('CreateThing', async (abort) => {
      try {
        await this.#client.send(
          new CreateThingCommand({
            thingName: name,
            thingTypeName: thing.type,
            attributePayload: { attributes: thing.attributes },
          }),
          abort,
        );
      } catch (error) {
        if (!(error instanceof ResourceAlreadyExistsException)) throw error;
        throw new CloudFailure(
          'conflict',
          'CreateThing',
          `AWS IoT has a thing ${name} with other attributes: the board was provisioned before, by another station or batch.`,
          error,
        );
      }
    });
  }

  async registerCertificate(certificate: {
    id: string;
    pem: string;
    caPem: string | undefined;
  }): Promise<void> {
    const { id, pem, caPem } = certificate;
    await this.#call('RegisterCertificate', async (abort) => {
      try {
        const command = caPem
          ? this.#client.send(
              new RegisterCertificateCommand({
                certificatePem: pem,
                caCertificatePem: caPem,
                status: 'INACTIVE',
              }),
              abort,
            )
          : this.#client.send(
              new RegisterCertificateWithoutCACommand({ certificatePem: pem, status: 'INACTIVE' }),
              abort,
            );
        await command;
      } catch (error) {
        if (!(error instanceof ResourceAlreadyExistsException)) throw error;
        // The id is the hash of the certificate: the same id is the same content.
        if (error.resourceId === undefined || error.resourceId === id) return;
        throw new CloudFailure(
          'conflict',
          'RegisterCertificate',
          `AWS IoT says that certificate ${id} is registered as ${error.resourceId}.`,
          error,
        );
      }
    });
  }

  async attachThingPrincipal(thing: string, certificateArn: string): Promise<void> {
    await this.#call('AttachThingPrincipal', (abort) =>
      this.#client.send(
        new AttachThingPrincipalCommand({
          thingName: thing,
          principal: certificateArn,
          thingPrincipalType: 'EXCLUSIVE_THING',
        }),
        abort,
      ),
    );
  }

  async attachPolicy(policy: string, certificateArn: string): Promise<void> {
    await this.#call('AttachPolicy', (abort) =>
      this.#client.send(new AttachPolicyCommand({ policyName: policy, target: certificateArn }), abort),
    );
  }

  async addThingToThingGroup(thing: string, group: string): Promise<void> {
    await this.#call('AddThingToThingGroup', (abort) =>
      this.#client.send(new AddThingToThingGroupCommand({ thingName: thing, thingGroupName: group }), abort),
    );
  }

  async activateCertificate(id: string): Promise<void> {
    await this.#call('UpdateCertificate', (abort) =>
      this.#client.send(new UpdateCertificateCommand({ certificateId: id, newStatus: 'ACTIVE' }), abort),
    );
  }

  async findCertificate(id: string): Promise<CertificateDescription | undefined> {
    const found = await this.#find('DescribeCertificate', (abort) =>
      this.#client.send(new DescribeCertificateCommand({ certificateId: id }), abort),
    );
    const description = found?.certificateDescription;
    if (!description) return undefined;
    return {
      pem: required('DescribeCertificate', description.certificatePem),
      status: required('DescribeCertificate', description.status),
    };
  }

  async findThing(name: string): Promise<ThingDescription | undefined> {
    const found = await this.#find('DescribeThing', (abort) =>
      this.#client.send(new DescribeThingCommand({ thingName: name }), abort),
    );
    return found && { type: found.thingTypeName ?? '', attributes: found.attributes ?? {} };
  }

  async #endpoint(type: 'iot:Data-ATS' | 'iot:CredentialProvider'): Promise<string> {
    const answer = await this.#call('DescribeEndpoint', (abort) =>
      this.#client.send(new DescribeEndpointCommand({ endpointType: type }), abort),
    );
    return required('DescribeEndpoint', answer.endpointAddress);
  }

  async #find<T>(operation: string, send: (abort: Abort) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#call(operation, send);
    } catch (error) {
      if (error instanceof CloudFailure && error.kind === 'not-found') return undefined;
      throw error;
    }
  }

  #call<T>(operation: string, send: (abort: Abort) => Promise<T>): Promise<T> {
    return this.#calls.call(this.#buckets.get(operation), async () => {
      try {
        return await send({ abortSignal: this.#rules.signal });
      } catch (error) {
        this.#rules.signal.throwIfAborted();
        throw cloudFailureOf(operation, error);
      }
    });
  }
}

interface Abort {
  abortSignal: AbortSignal;
}

function required<T>(operation: string, value: T | undefined): T {
  if (value === undefined)
    throw new CloudFailure('rejected', operation, `AWS IoT's answer to ${operation} is incomplete.`);
  return value;
}
