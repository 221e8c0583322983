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
  type IoTClient,
  RegisterCACertificateCommand,
  RegisterCertificateCommand,
  RegisterCertificateWithoutCACommand,
  ResourceAlreadyExistsException,
  UpdateCACertificateCommand,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot';
import { type AwsCalls, required } from './aws-calls.ts';
import {
  type CertificateDescription,
  CloudFailure,
  type IotRegistry,
  type ThingDescription,
} from './iot-registry.ts';

/** What the boards of a batch need of AWS IoT Core's control plane. */
export class AwsIotRegistry implements IotRegistry {
  readonly calls: AwsCalls;
  readonly #client: IoTClient;

  constructor(calls: AwsCalls) {
    this.calls = calls;
    this.#client = calls.client;
  }

  close(): void {
    this.calls.close();
  }

  async endpoints(): Promise<{ iot: string; credentials: string }> {
    const [iot, credentials] = await Promise.all([
      this.#endpoint('iot:Data-ATS'),
      this.#endpoint('iot:CredentialProvider'),
    ]);
    return { iot, credentials };
  }

  async findPolicyArn(name: string): Promise<string | undefined> {
    const found = await this.calls.find('GetPolicy', (abort) =>
      this.#client.send(new GetPolicyCommand({ policyName: name }), abort),
    );
    return found?.policyArn;
  }

  async hasThingType(name: string): Promise<boolean> {
    const found = await this.calls.find('DescribeThingType', (abort) =>
      this.#client.send(new DescribeThingTypeCommand({ thingTypeName: name }), abort),
    );
    return found !== undefined;
  }

  async hasThingGroup(name: string): Promise<boolean> {
    const found = await this.calls.find('DescribeThingGroup', (abort) =>
      this.#client.send(new DescribeThingGroupCommand({ thingGroupName: name }), abort),
    );
    return found !== undefined;
  }

  async hasRoleAlias(name: string): Promise<boolean> {
    const found = await this.calls.find('DescribeRoleAlias', (abort) =>
      this.#client.send(new DescribeRoleAliasCommand({ roleAlias: name }), abort),
    );
    return found !== undefined;
  }

  async registrationCode(): Promise<string> {
    const answer = await this.calls.call('GetRegistrationCode', (abort) =>
      this.#client.send(new GetRegistrationCodeCommand({}), abort),
    );
    return required('GetRegistrationCode', answer.registrationCode);
  }

  async registerCa(ca: {
    pem: string;
    mode: 'SNI_ONLY' | 'DEFAULT';
    verificationPem: string | undefined;
  }): Promise<{ id: string; alreadyRegistered: boolean }> {
    return await this.calls.call('RegisterCACertificate', async (abort) => {
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
    const found = await this.calls.find('DescribeCACertificate', (abort) =>
      this.#client.send(new DescribeCACertificateCommand({ certificateId: id }), abort),
    );
    return found && { status: required('DescribeCACertificate', found.certificateDescription?.status) };
  }

  async describeCa(id: string): Promise<{ pem: string; status: string; mode: string | undefined }> {
    const answer = await this.calls.call('DescribeCACertificate', (abort) =>
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
    await this.calls.call('UpdateCACertificate', (abort) =>
      this.#client.send(new UpdateCACertificateCommand({ certificateId: id, newStatus: 'ACTIVE' }), abort),
    );
  }

  async createThing(name: string, thing: ThingDescription): Promise<void> {
    await this.calls.call('CreateThing', async (abort) => {
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
    await this.calls.call('RegisterCertificate', async (abort) => {
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
    await this.calls.call('AttachThingPrincipal', (abort) =>
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
    await this.calls.call('AttachPolicy', (abort) =>
      this.#client.send(new AttachPolicyCommand({ policyName: policy, target: certificateArn }), abort),
    );
  }

  async addThingToThingGroup(thing: string, group: string): Promise<void> {
    await this.calls.call('AddThingToThingGroup', (abort) =>
      this.#client.send(new AddThingToThingGroupCommand({ thingName: thing, thingGroupName: group }), abort),
    );
  }

  async activateCertificate(id: string): Promise<void> {
    await this.calls.call('UpdateCertificate', (abort) =>
      this.#client.send(new UpdateCertificateCommand({ certificateId: id, newStatus: 'ACTIVE' }), abort),
    );
  }

  async findCertificate(id: string): Promise<CertificateDescription | undefined> {
    const found = await this.calls.find('DescribeCertificate', (abort) =>
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
    const found = await this.calls.find('DescribeThing', (abort) =>
      this.#client.send(new DescribeThingCommand({ thingName: name }), abort),
    );
    return found && { type: found.thingTypeName ?? '', attributes: found.attributes ?? {} };
  }

  async #endpoint(type: 'iot:Data-ATS' | 'iot:CredentialProvider'): Promise<string> {
    const answer = await this.calls.call('DescribeEndpoint', (abort) =>
      this.#client.send(new DescribeEndpointCommand({ endpointType: type }), abort),
    );
    return required('DescribeEndpoint', answer.endpointAddress);
  }
}
