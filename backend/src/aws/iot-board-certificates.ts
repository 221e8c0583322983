import { X509Certificate } from 'node:crypto';
import {
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CreateCertificateFromCsrCommand,
  DescribeCertificateCommand,
  DetachThingPrincipalCommand,
  IoTClient,
  paginateListAttachedPolicies,
  paginateListThingPrincipals,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot';
import type { BoardCertificates } from '../features/rotation/rotation-ports.ts';
import { isAwsError } from './aws-errors.ts';
import { type AwsClientSettings, clientConfig } from './client-settings.ts';

/** `arn:aws:iot:<region>:<account>:cert/<id>` */
const idPattern = /:cert\/([0-9a-f]{64})$/;

/** Certificates of boards in AWS IoT Core's registry. */
export class IotBoardCertificates implements BoardCertificates {
  readonly #client: IoTClient;

  constructor(settings: AwsClientSettings) {
    this.#client = new IoTClient(clientConfig(settings));
  }

  async of(deviceId: string): Promise<string[]> {
    const ids: string[] = [];
    for await (const { principals = [] } of paginateListThingPrincipals(
      { client: this.#client },
      { thingName: deviceId },
    ))
      for (const arn of principals) ids.push(...(idPattern.exec(arn)?.slice(1) ?? []));
    return ids;
  }

  async issue({
    deviceId,
    csrDer,
    policiesOf,
  }: Parameters<BoardCertificates['issue']>[0]): ReturnType<BoardCertificates['issue']> {
    const policies = await this.#policiesOf(await this.#arnOf(policiesOf));
    const issued = await this.#client.send(
      new CreateCertificateFromCsrCommand({ certificateSigningRequest: pemOf(csrDer), setAsActive: false }),
    );
    const { certificateArn: arn, certificateId, certificatePem } = issued;
    if (arn === undefined || certificateId === undefined || certificatePem === undefined)
      throw new Error('AWS IoT Core issued a certificate and did not say which');
    for (const policyName of policies)
      await this.#client.send(new AttachPolicyCommand({ policyName, target: arn }));
    await this.#client.send(new AttachThingPrincipalCommand({ thingName: deviceId, principal: arn }));
    await this.#client.send(new UpdateCertificateCommand({ certificateId, newStatus: 'ACTIVE' }));
    return { certificateId, der: new X509Certificate(certificatePem).raw };
  }

  async isActive(certificateId: string): Promise<boolean> {
    try {
      const { certificateDescription } = await this.#client.send(
        new DescribeCertificateCommand({ certificateId }),
      );
      return certificateDescription?.status === 'ACTIVE';
    } catch (error) {
      if (isAwsError(error, 'ResourceNotFoundException')) return false;
      throw error;
    }
  }

  /** First INACTIVE, which ends its connections; detached last, so that a crash in between finds it again. */
  async retire(deviceId: string, certificateId: string): Promise<void> {
    await this.#client.send(new UpdateCertificateCommand({ certificateId, newStatus: 'INACTIVE' }));
    const principal = await this.#arnOf(certificateId);
    await this.#client.send(new DetachThingPrincipalCommand({ thingName: deviceId, principal }));
  }

  close(): void {
    this.#client.destroy();
  }

  async #arnOf(certificateId: string): Promise<string> {
    const { certificateDescription } = await this.#client.send(
      new DescribeCertificateCommand({ certificateId }),
    );
    const arn = certificateDescription?.certificateArn;
    if (arn === undefined) throw new Error(`AWS IoT Core does not name the certificate ${certificateId}`);
    return arn;
  }

  async #policiesOf(target: string): Promise<string[]> {
    const names: string[] = [];
    for await (const { policies = [] } of paginateListAttachedPolicies({ client: this.#client }, { target }))
      for (const { policyName } of policies) if (policyName !== undefined) names.push(policyName);
    return names;
  }
}

/** RFC 7468 §7. */
function pemOf(csrDer: Uint8Array): string {
  const lines =
    Buffer.from(csrDer)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----', ''].join(
    '\n',
  );
}
