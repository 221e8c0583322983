import { X509Certificate } from 'node:crypto';
import { DescribeCertificateCommand, IoTClient } from '@aws-sdk/client-iot';
import type { CertificateRegistry, RegisteredCertificate } from '../features/binding/certificate-registry.ts';
import { isAwsError, translateAwsError } from './aws-errors.ts';
import { type AwsClientSettings, clientConfig } from './client-settings.ts';

/** Device certificates by DescribeCertificate of AWS IoT Core's control plane (10 calls a second for the account). */
export class IotCertificates implements CertificateRegistry {
  readonly #client: IoTClient;

  constructor(settings: AwsClientSettings) {
    this.#client = new IoTClient(clientConfig(settings));
  }

  async find(certificateId: string): Promise<RegisteredCertificate | undefined> {
    try {
      const { certificateDescription } = await this.#client.send(
        new DescribeCertificateCommand({ certificateId }),
      );
      const { certificatePem: pem, status } = certificateDescription ?? {};
      if (pem === undefined || idOf(pem) !== certificateId)
        throw new Error(`AWS IoT Core has another certificate under the id ${certificateId}`);
      return { pem, active: status === 'ACTIVE' };
    } catch (error) {
      if (isAwsError(error, 'ResourceNotFoundException')) return undefined;
      throw translateAwsError(error);
    }
  }

  close(): void {
    this.#client.destroy();
  }
}

function idOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
}
