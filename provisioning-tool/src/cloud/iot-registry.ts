/**
 * Calls with a quota of their own, and how many a second AWS admits by default (AWS General Reference, «AWS IoT Core
 * endpoints and quotas»); the names are AWS IoT's.
 */
export const quotas = {
  RegisterCertificate: 10,
  UpdateCertificate: 10,
  DescribeCertificate: 10,
  AttachPolicy: 15,
  CreateThing: 100,
  AttachThingPrincipal: 100,
  AddThingToThingGroup: 100,
  DescribeThing: 350,
  UpdateThing: 100,
  DeleteThing: 100,
  DetachThingPrincipal: 100,
  DetachPolicy: 15,
  DeleteCertificate: 10,
  ListCertificatesByCA: 10,
  ListThings: 10,
  ListThingPrincipals: 10,
  ListAttachedPolicies: 10,
  ListTargetsForPolicy: 10,
  ListThingsInThingGroup: 10,
} as const;
export type QuotaOperation = keyof typeof quotas;

export interface ThingDescription {
  type: string;
  attributes: Record<string, string>;
}

export interface CertificateDescription {
  pem: string;
  status: string;
}

/**
 * What making boards needs of AWS IoT Core. Every step of a board may be repeated: what is there already with the
 * same content is a success. All throw `CloudFailure`.
 */
export interface IotRegistry {
  /** Hosts that boards connect to. */
  endpoints(): Promise<{ iot: string; credentials: string }>;
  findPolicyArn(name: string): Promise<string | undefined>;
  hasThingType(name: string): Promise<boolean>;
  hasThingGroup(name: string): Promise<boolean>;
  hasRoleAlias(name: string): Promise<boolean>;

  registrationCode(): Promise<string>;
  registerCa(ca: {
    pem: string;
    mode: 'SNI_ONLY' | 'DEFAULT';
    verificationPem: string | undefined;
  }): Promise<{ id: string; alreadyRegistered: boolean }>;
  findCa(id: string): Promise<{ status: string } | undefined>;
  describeCa(id: string): Promise<{ pem: string; status: string; mode: string | undefined }>;
  activateCa(id: string): Promise<void>;

  createThing(name: string, thing: ThingDescription): Promise<void>;
  /** Registers INACTIVE. Without `caPem` the CA need not be registered. */
  registerCertificate(certificate: { id: string; pem: string; caPem: string | undefined }): Promise<void>;
  /** The certificate can then be used by this thing only. */
  attachThingPrincipal(thing: string, certificateArn: string): Promise<void>;
  attachPolicy(policy: string, certificateArn: string): Promise<void>;
  addThingToThingGroup(thing: string, group: string): Promise<void>;
  activateCertificate(id: string): Promise<void>;

  findCertificate(id: string): Promise<CertificateDescription | undefined>;
  findThing(name: string): Promise<ThingDescription | undefined>;
}

export type CloudFailureKind =
  /** Too many calls a second: slow down and repeat. */
  | 'throttled'
  /** No answer or a server error: repeat. Whether the call took effect is not known. */
  | 'unavailable'
  /** Repeating does not help until somebody mends the credentials or the permissions. */
  | 'credentials'
  /** There is something else under that name. */
  | 'conflict'
  | 'not-found'
  /** AWS IoT does not take the request as it is. */
  | 'rejected';

/** A call to the cloud that did not succeed. `message` is a sentence for the operator. */
export class CloudFailure extends Error {
  readonly kind: CloudFailureKind;
  readonly operation: string;

  constructor(kind: CloudFailureKind, operation: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'CloudFailure';
    this.kind = kind;
    this.operation = operation;
  }
}
