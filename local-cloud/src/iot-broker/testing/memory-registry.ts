import { X509Certificate } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type {
  CertificateRecord,
  CertificateStatus,
  PolicyDocument,
  Registry,
  RegistryChanges,
  ThingRecord,
} from '../../iot-core/registry.ts';

/** A registry in memory, changed by tests directly. */
export class MemoryRegistry implements Registry {
  readonly changes = new EventEmitter<RegistryChanges>();
  readonly #certificates = new Map<string, CertificateRecord>();
  readonly #things = new Map<string, ThingRecord>();
  readonly #attached = new Map<string, { thingName: string; exclusive: boolean }[]>();
  readonly #policies = new Map<string, PolicyDocument[]>();
  /** Id of the CA that unknown certificates register themselves under. */
  justInTimeCa: string | undefined;

  addCertificate(certificatePem: string, status: CertificateStatus = 'ACTIVE'): CertificateRecord {
    const { fingerprint256 } = new X509Certificate(certificatePem);
    const certificateId = fingerprint256.replaceAll(':', '').toLowerCase();
    const record: CertificateRecord = {
      certificateId,
      certificateArn: `arn:aws:iot:eu-central-1:000000000000:cert/${certificateId}`,
      certificatePem,
      status,
      createdAt: Date.now(),
      ...(this.justInTimeCa === undefined ? {} : { caCertificateId: this.justInTimeCa }),
    };
    this.#certificates.set(certificateId, record);
    return record;
  }

  addThing(thingName: string, thing: Partial<ThingRecord> = {}): void {
    this.#things.set(thingName, {
      thingName,
      thingArn: `arn:aws:iot:eu-central-1:000000000000:thing/${thingName}`,
      thingId: `id-of-${thingName}`,
      attributes: {},
      version: 1,
      ...thing,
    });
  }

  attach(certificateId: string, thingName: string, exclusive = false): void {
    const attached = this.#attached.get(certificateId) ?? [];
    this.#attached.set(certificateId, [...attached, { thingName, exclusive }]);
  }

  setPolicies(certificateId: string, policies: PolicyDocument[]): void {
    this.#policies.set(certificateId, policies);
    this.changes.emit('policies', [certificateId]);
  }

  setStatus(certificateId: string, status: CertificateStatus): void {
    const record = this.#certificates.get(certificateId);
    if (record === undefined) throw new Error('no such certificate');
    const changed = { ...record, status };
    this.#certificates.set(certificateId, changed);
    this.changes.emit('certificate', changed);
  }

  deleteCertificate(certificateId: string): void {
    this.#certificates.delete(certificateId);
    this.changes.emit('certificateDeleted', certificateId);
  }

  findCertificate(certificateId: string): CertificateRecord | undefined {
    return this.#certificates.get(certificateId);
  }

  findThing(thingName: string): ThingRecord | undefined {
    return this.#things.get(thingName);
  }

  thingsOf(certificateId: string): { thingName: string; exclusive: boolean }[] {
    return this.#attached.get(certificateId) ?? [];
  }

  policiesOf(certificateId: string): PolicyDocument[] {
    return this.#policies.get(certificateId) ?? [];
  }

  registerJustInTime(certificatePem: string): CertificateRecord | undefined {
    return this.justInTimeCa === undefined
      ? undefined
      : this.addCertificate(certificatePem, 'PENDING_ACTIVATION');
  }
}
