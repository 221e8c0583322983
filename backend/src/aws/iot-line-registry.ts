import {
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CreateCertificateFromCsrCommand,
  CreateKeysAndCertificateCommand,
  type CreateKeysAndCertificateCommandOutput,
  CreateThingCommand,
  IoTClient,
  UpdateCertificateCommand,
  UpdateThingCommand,
} from '@aws-sdk/client-iot';
import { CsrRefused, type LineCertificate, type LineRegistry } from '../features/line/line-registry.ts';
import { isAwsError, translateAwsError } from './aws-errors.ts';
import { type AwsClientSettings, clientConfig } from './client-settings.ts';

export interface LineRegistrySettings extends AwsClientSettings {
  /** IoT policy and thing type of boards; both must exist. */
  policyName: string;
  thingType: string;
}

/** Identities by AWS IoT Core's own certificate authority (CreateCertificateFromCsr, CreateKeysAndCertificate). */
export class IotLineRegistry implements LineRegistry {
  readonly #client: IoTClient;
  readonly #settings: LineRegistrySettings;

  constructor(settings: LineRegistrySettings) {
    this.#settings = settings;
    this.#client = new IoTClient(clientConfig(settings));
  }

  async ensureThing(thingName: string, attributes: Readonly<Record<string, string>>): Promise<void> {
    const thing = { thingName, attributePayload: { attributes: { ...attributes } } };
    try {
      const { thingType: thingTypeName } = this.#settings;
      await this.#client.send(new CreateThingCommand({ ...thing, thingTypeName }));
    } catch (error) {
      if (!isAwsError(error, 'ResourceAlreadyExistsException')) throw translateAwsError(error);
      await this.#run(() => this.#client.send(new UpdateThingCommand(thing)));
    }
  }

  async createCertificate(csrPem: string | undefined): Promise<LineCertificate> {
    try {
      const made = await this.#create(csrPem);
      const { certificateId, certificateArn, certificatePem, keyPair } = made;
      if (certificateId === undefined || certificateArn === undefined || certificatePem === undefined)
        throw new Error('AWS IoT Core made a certificate and does not say which');
      return { certificateId, certificateArn, certificatePem, privateKeyPem: keyPair?.PrivateKey };
    } catch (error) {
      // «InvalidRequestException: The CSR is not valid» and its likes: repeating changes nothing.
      if (
        csrPem !== undefined &&
        isAwsError(error, 'InvalidRequestException', 'CertificateValidationException')
      )
        throw new CsrRefused('AWS IoT Core does not take the certificate request', { cause: error });
      throw translateAwsError(error);
    }
  }

  #create(csrPem: string | undefined): Promise<CreateKeysAndCertificateCommandOutput> {
    const setAsActive = false;
    return csrPem === undefined
      ? this.#client.send(new CreateKeysAndCertificateCommand({ setAsActive }))
      : this.#client.send(
          new CreateCertificateFromCsrCommand({ certificateSigningRequest: csrPem, setAsActive }),
        );
  }

  async attach(thingName: string, certificateArn: string): Promise<void> {
    const { policyName } = this.#settings;
    await this.#run(() => this.#client.send(new AttachPolicyCommand({ policyName, target: certificateArn })));
    const thingPrincipalType = 'EXCLUSIVE_THING';
    const attachment = { thingName, principal: certificateArn, thingPrincipalType } as const;
    await this.#run(() => this.#client.send(new AttachThingPrincipalCommand(attachment)));
  }

  async activate(certificateId: string): Promise<void> {
    await this.#run(() =>
      this.#client.send(new UpdateCertificateCommand({ certificateId, newStatus: 'ACTIVE' })),
    );
  }

  async revoke(certificateId: string): Promise<void> {
    try {
      await this.#client.send(new UpdateCertificateCommand({ certificateId, newStatus: 'REVOKED' }));
    } catch (error) {
      if (!isAwsError(error, 'ResourceNotFoundException')) throw translateAwsError(error);
    }
  }

  close(): void {
    this.#client.destroy();
  }

  async #run(call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
    } catch (error) {
      throw translateAwsError(error);
    }
  }
}
