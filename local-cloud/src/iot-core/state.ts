import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Clock } from '../kernel/clock.ts';
import { Relation } from '../kernel/relation.ts';
import type { Store, Table } from '../kernel/store.ts';
import type { CertificateRecord, RegistryChanges, ThingRecord } from './registry.ts';

export type CertificateMode = 'DEFAULT' | 'SNI_ONLY';

/** Times in milliseconds since the epoch; the wire turns them into seconds. */
export interface StoredCertificate extends CertificateRecord {
  lastModifiedAt: number;
  notBefore: number;
  notAfter: number;
  certificateMode: CertificateMode;
  customerVersion: number;
  generationId: string;
}

export interface StoredCa {
  certificateId: string;
  certificateArn: string;
  certificatePem: string;
  /** Distinguished name in OpenSSL's multi-line form, to find the CA of a certificate by its issuer. */
  subject: string;
  status: 'ACTIVE' | 'INACTIVE';
  autoRegistration: boolean;
  certificateMode: CertificateMode;
  createdAt: number;
  lastModifiedAt: number;
  notBefore: number;
  notAfter: number;
  customerVersion: number;
  generationId: string;
}

export interface StoredThing extends ThingRecord {
  billingGroupName?: string;
}

export interface StoredThingType {
  thingTypeName: string;
  thingTypeArn: string;
  thingTypeId: string;
  thingTypeDescription?: string;
  searchableAttributes?: string[];
  createdAt: number;
  deprecatedAt?: number;
}

export interface StoredThingGroup {
  thingGroupName: string;
  thingGroupArn: string;
  thingGroupId: string;
  parentGroupName?: string;
  thingGroupDescription?: string;
  attributes: Record<string, string>;
  version: number;
  createdAt: number;
}

export interface StoredPolicyVersion {
  versionId: string;
  document: string;
  createdAt: number;
}

export interface StoredPolicy {
  policyName: string;
  policyArn: string;
  versions: StoredPolicyVersion[];
  defaultVersionId: string;
  /** Version ids are never used twice. */
  lastVersion: number;
  createdAt: number;
  lastModifiedAt: number;
  generationId: string;
}

export interface StoredRoleAlias {
  roleAlias: string;
  roleAliasArn: string;
  roleArn: string;
  credentialDurationSeconds: number;
  createdAt: number;
  lastModifiedAt: number;
}

export interface IotStateOptions {
  store: Store;
  clock: Clock;
  region: string;
  accountId: string;
}

/** Everything the account's IoT registry holds. The rules beside this file are the only writers. */
export class IotState {
  readonly clock: Clock;
  readonly store: Store;
  readonly changes = new EventEmitter<RegistryChanges>();
  readonly certificates: Table<StoredCertificate>;
  readonly cas: Table<StoredCa>;
  readonly things: Table<StoredThing>;
  readonly thingTypes: Table<StoredThingType>;
  readonly thingGroups: Table<StoredThingGroup>;
  readonly policies: Table<StoredPolicy>;
  readonly roleAliases: Table<StoredRoleAlias>;
  /** Tags by resource ARN. */
  readonly tags: Table<Record<string, string>>;
  /** Thing name ↔ certificate ARN. */
  readonly thingPrincipals: Relation<{ exclusive: boolean }>;
  /** Policy name ↔ certificate or group ARN. */
  readonly policyTargets: Relation<true>;
  /** Group name ↔ thing name. */
  readonly groupThings: Relation<true>;
  readonly #settings: Table<string>;
  /** Ids of the certificates that followers of the changes know of. */
  readonly #known: Set<string>;
  readonly #arnPrefix: string;

  constructor({ store, clock, region, accountId }: IotStateOptions) {
    this.store = store;
    this.clock = clock;
    this.#arnPrefix = `arn:aws:iot:${region}:${accountId}`;
    this.certificates = store.table('iot-certificates');
    this.cas = store.table('iot-cas');
    this.things = store.table('iot-things');
    this.thingTypes = store.table('iot-thing-types');
    this.thingGroups = store.table('iot-thing-groups');
    this.policies = store.table('iot-policies');
    this.roleAliases = store.table('iot-role-aliases');
    this.tags = store.table('iot-tags');
    this.thingPrincipals = new Relation(store.table('iot-thing-principals'));
    this.policyTargets = new Relation(store.table('iot-policy-targets'));
    this.groupThings = new Relation(store.table('iot-group-things'));
    this.#settings = store.table('iot-settings');
    this.#known = new Set([...this.certificates.values()].map(({ certificateId }) => certificateId));
    this.changes.on('certificate', ({ certificateId }) => this.#known.add(certificateId));
    this.changes.on('certificateDeleted', (certificateId) => this.#known.delete(certificateId));
  }

  /** `arn('thing', 'aovis-n4k-000123')` → `arn:aws:iot:REGION:ACCOUNT:thing/aovis-n4k-000123`. */
  arn(kind: string, name: string): string {
    return `${this.#arnPrefix}:${kind}/${name}`;
  }

  /** The name behind an ARN of this account and kind, else undefined. */
  nameInArn(kind: string, arn: string): string | undefined {
    const prefix = `${this.#arnPrefix}:${kind}/`;
    return arn.startsWith(prefix) ? arn.slice(prefix.length) : undefined;
  }

  tag(arn: string, tags: readonly { Key: string; Value: string }[] | undefined): void {
    if (tags === undefined) return;
    const added = Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
    this.tags.put(arn, { ...this.tags.get(arn), ...added });
  }

  untag(arn: string, keys: readonly string[]): void {
    const left = Object.entries(this.tags.get(arn) ?? {}).filter(([key]) => !keys.includes(key));
    this.tags.put(arn, Object.fromEntries(left));
  }

  /** Certificates that were known before the store was emptied are gone for whoever follows the changes. */
  announceReset(): void {
    for (const certificateId of this.#known) this.changes.emit('certificateDeleted', certificateId);
  }

  /** 64 hex digits, the same until it is deleted. */
  registrationCode(): string {
    const existing = this.#settings.get('registration-code');
    if (existing !== undefined) return existing;
    const made = randomBytes(32).toString('hex');
    this.#settings.put('registration-code', made);
    return made;
  }

  deleteRegistrationCode(): void {
    this.#settings.delete('registration-code');
  }
}
