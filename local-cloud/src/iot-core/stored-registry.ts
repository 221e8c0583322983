import type { EventEmitter } from 'node:events';
import { AwsError } from '../kernel/aws-error.ts';
import type { Certificates } from './certificates.ts';
import type {
  CertificateRecord,
  PolicyDocument,
  Registry,
  RegistryChanges,
  ThingRecord,
} from './registry.ts';
import type { IotState } from './state.ts';

/** The registry as the broker and the credential provider read it. */
export class StoredRegistry implements Registry {
  readonly #state: IotState;
  readonly #certificates: Certificates;

  constructor(state: IotState, certificates: Certificates) {
    this.#state = state;
    this.#certificates = certificates;
  }

  get changes(): EventEmitter<RegistryChanges> {
    return this.#state.changes;
  }

  findCertificate(certificateId: string): CertificateRecord | undefined {
    return this.#state.certificates.get(certificateId);
  }

  findThing(thingName: string): ThingRecord | undefined {
    return this.#state.things.get(thingName);
  }

  thingsOf(certificateId: string): { thingName: string; exclusive: boolean }[] {
    const arn = this.#state.arn('cert', certificateId);
    return [...this.#state.thingPrincipals.leftsOf(arn)].map(([thingName, { exclusive }]) => ({
      thingName,
      exclusive,
    }));
  }

  policiesOf(certificateId: string): PolicyDocument[] {
    return policyNamesOf(this.#state, certificateId).map((policyName) => {
      const policy = this.#state.policies.get(policyName);
      const version = policy?.versions.find(({ versionId }) => versionId === policy.defaultVersionId);
      // Written only by the rules, which parsed it before.
      const document = JSON.parse(version?.document ?? '{"Statement":[]}') as PolicyDocument;
      return { ...document, Statement: [document.Statement].flat() };
    });
  }

  registerJustInTime(certificatePem: string): CertificateRecord | undefined {
    try {
      return this.#certificates.registerJustInTime(certificatePem);
    } catch (error) {
      if (error instanceof AwsError) return undefined;
      throw error;
    }
  }
}

/** Policies of the certificate itself, and of the groups (with their parents) of the things it is attached to. */
export function policyNamesOf(state: IotState, certificateId: string): string[] {
  const arn = state.arn('cert', certificateId);
  const names = new Set(state.policyTargets.leftsOf(arn).keys());
  for (const thingName of state.thingPrincipals.leftsOf(arn).keys())
    for (const group of groupsOf(state, thingName))
      for (const policyName of state.policyTargets.leftsOf(state.arn('thinggroup', group)).keys())
        names.add(policyName);
  return [...names];
}

/** The groups a thing is in, each followed by its parents. */
export function groupsOf(state: IotState, thingName: string): string[] {
  const names = new Set<string>();
  for (const direct of state.groupThings.leftsOf(thingName).keys())
    for (let at: string | undefined = direct; at !== undefined && !names.has(at); ) {
      names.add(at);
      at = state.thingGroups.get(at)?.parentGroupName;
    }
  return [...names];
}

/** Ids of the certificates whose policies change when those of `target` (certificate or group ARN) do. */
export function certificatesUnder(state: IotState, target: string): string[] {
  const certificateId = state.nameInArn('cert', target);
  if (certificateId !== undefined) return [certificateId];
  const group = state.nameInArn('thinggroup', target);
  if (group === undefined) return [];
  const ids = new Set<string>();
  for (const name of [group, ...descendantsOf(state, group)])
    for (const thingName of state.groupThings.rightsOf(name).keys())
      for (const id of certificatesOf(state, thingName)) ids.add(id);
  return [...ids];
}

/** Ids of the certificates attached to a thing. */
export function certificatesOf(state: IotState, thingName: string): string[] {
  return [...state.thingPrincipals.rightsOf(thingName).keys()].flatMap(
    (principal) => state.nameInArn('cert', principal) ?? [],
  );
}

export function descendantsOf(state: IotState, group: string): string[] {
  const children = [...state.thingGroups.values()].filter(({ parentGroupName }) => parentGroupName === group);
  return children.flatMap(({ thingGroupName }) => [thingGroupName, ...descendantsOf(state, thingGroupName)]);
}
