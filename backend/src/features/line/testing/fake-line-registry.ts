import { randomBytes } from 'node:crypto';
import { CsrRefused, type LineCertificate, type LineRegistry } from '../line-registry.ts';

/** Certificates by name only; requests that say REFUSED are refused. */
export class FakeLineRegistry implements LineRegistry {
  readonly things = new Map<string, Readonly<Record<string, string>>>();
  readonly statuses = new Map<string, 'INACTIVE' | 'ACTIVE' | 'REVOKED'>();
  /** Certificate id → thing. */
  readonly attached = new Map<string, string>();

  async ensureThing(deviceId: string, attributes: Readonly<Record<string, string>>): Promise<void> {
    this.things.set(deviceId, attributes);
  }

  async createCertificate(csrPem: string | undefined): Promise<LineCertificate> {
    if (csrPem?.includes('REFUSED')) throw new CsrRefused('refused');
    const certificateId = randomBytes(32).toString('hex');
    this.statuses.set(certificateId, 'INACTIVE');
    return {
      certificateId,
      certificateArn: `arn:aws:iot:us-east-1:123456789012:cert/${certificateId}`,
      certificatePem: `certificate ${certificateId}`,
      privateKeyPem: csrPem === undefined ? `canary-private-key ${certificateId}` : undefined,
    };
  }

  async attach(deviceId: string, certificateArn: string): Promise<void> {
    this.attached.set(certificateArn.split('/')[1] ?? '', deviceId);
  }

  async activate(certificateId: string): Promise<void> {
    this.statuses.set(certificateId, 'ACTIVE');
  }

  async revoke(certificateId: string): Promise<void> {
    if (this.statuses.has(certificateId)) this.statuses.set(certificateId, 'REVOKED');
  }
}
