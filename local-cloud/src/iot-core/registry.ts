import type { EventEmitter } from 'node:events';

export type CertificateStatus =
  | 'ACTIVE'
  | 'INACTIVE'
  | 'REVOKED'
  | 'PENDING_ACTIVATION'
  | 'PENDING_TRANSFER'
  | 'REGISTER_INACTIVE';

export interface CertificateRecord {
  /** Lower-case hex SHA-256 of the DER. */
  certificateId: string;
  certificateArn: string;
  certificatePem: string;
  status: CertificateStatus;
  caCertificateId?: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

export interface ThingRecord {
  thingName: string;
  thingArn: string;
  thingId: string;
  thingTypeName?: string;
  attributes: Record<string, string>;
  version: number;
}

/** An IoT policy document, parsed. */
export interface PolicyDocument {
  Version?: string;
  Statement: PolicyStatement[];
}

export interface PolicyStatement {
  Effect: 'Allow' | 'Deny';
  Action: string | string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

/** What the broker and the credential provider ask of the registry; the control plane changes it. */
export interface Registry {
  readonly changes: EventEmitter<RegistryChanges>;
  findCertificate(certificateId: string): CertificateRecord | undefined;
  findThing(thingName: string): ThingRecord | undefined;
  /** Things the certificate is attached to; `exclusive` where attached with EXCLUSIVE_THING. */
  thingsOf(certificateId: string): { thingName: string; exclusive: boolean }[];
  /** Default versions of the policies attached to the certificate and to the groups of its things. */
  policiesOf(certificateId: string): PolicyDocument[];
  /** For a certificate nobody registered: registers it PENDING_ACTIVATION when its CA asks for that (JITR). */
  registerJustInTime(certificatePem: string, issuerPem: string | undefined): CertificateRecord | undefined;
}

export interface RegistryChanges {
  certificate: [certificate: CertificateRecord];
  certificateDeleted: [certificateId: string];
  policies: [certificateIds: string[]];
}
