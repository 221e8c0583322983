import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  alreadyExists,
  deleteConflict,
  invalidRequest,
  limitExceeded,
  malformedPolicy,
  notFound,
  versionsLimitExceeded,
} from './errors.ts';
import type { IotState, StoredPolicy, StoredPolicyVersion } from './state.ts';
import { certificatesUnder, groupsOf, policyNamesOf } from './stored-registry.ts';

/** AWS IoT Core quotas: document without white space, versions of a policy, policies of a target. */
const mostCharacters = 2048;
const mostVersions = 5;
const mostPoliciesOfTarget = 10;

const oneOrMany = z.union([z.string(), z.array(z.string()).min(1)]);
const statementSchema = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Action: oneOrMany,
  Resource: oneOrMany,
  Condition: z.record(z.string(), z.record(z.string(), oneOrMany)).optional(),
});
const documentSchema = z.strictObject({
  Version: z.enum(['2012-10-17', '2008-10-17']),
  Id: z.string().optional(),
  Statement: z.union([statementSchema, z.array(statementSchema).min(1)]),
});

/** IoT policies, their versions and what they are attached to. */
export class Policies {
  readonly #state: IotState;

  constructor(state: IotState) {
    this.#state = state;
  }

  create(policyName: string, document: string): StoredPolicy {
    const policyArn = this.#state.arn('policy', policyName);
    if (this.#state.policies.has(policyName))
      throw alreadyExists(
        `Policy cannot be created - name already exists (name=${policyName})`,
        policyName,
        policyArn,
      );
    checkDocument(document);
    const now = this.#state.clock.now();
    const policy: StoredPolicy = {
      policyName,
      policyArn,
      versions: [{ versionId: '1', document, createdAt: now }],
      defaultVersionId: '1',
      lastVersion: 1,
      createdAt: now,
      lastModifiedAt: now,
      generationId: randomUUID(),
    };
    this.#state.policies.put(policyName, policy);
    return policy;
  }

  get(policyName: string): StoredPolicy {
    const policy = this.#state.policies.get(policyName);
    if (policy === undefined) throw notFound(`Policy ${policyName} was not found`);
    return policy;
  }

  getVersion(policyName: string, versionId: string): StoredPolicyVersion {
    const version = this.get(policyName).versions.find((one) => one.versionId === versionId);
    if (version === undefined) throw notFound(`Policy ${policyName} has no version ${versionId}`);
    return version;
  }

  list(): StoredPolicy[] {
    return [...this.#state.policies.values()];
  }

  delete(policyName: string): void {
    const policy = this.get(policyName);
    if (this.#state.policyTargets.rightsOf(policyName).size > 0)
      throw deleteConflict(
        `The policy cannot be deleted as the policy is attached to one or more principals (name=${policyName})`,
      );
    if (policy.versions.length > 1)
      throw deleteConflict(
        `Cannot delete the policy because it has one or more policy versions attached to it (name=${policyName})`,
      );
    this.#state.policies.delete(policyName);
  }

  createVersion(policyName: string, document: string, setAsDefault: boolean): StoredPolicyVersion {
    const policy = this.get(policyName);
    checkDocument(document);
    if (policy.versions.length >= mostVersions)
      throw versionsLimitExceeded(`The policy ${policyName} already has the maximum number of versions (5)`);
    const now = this.#state.clock.now();
    const lastVersion = policy.lastVersion + 1;
    const version = { versionId: String(lastVersion), document, createdAt: now };
    this.#put({
      ...policy,
      versions: [...policy.versions, version],
      lastVersion,
      ...(setAsDefault ? { defaultVersionId: version.versionId } : {}),
    });
    return version;
  }

  setDefaultVersion(policyName: string, versionId: string): void {
    this.getVersion(policyName, versionId);
    this.#put({ ...this.get(policyName), defaultVersionId: versionId });
  }

  deleteVersion(policyName: string, versionId: string): void {
    const policy = this.get(policyName);
    this.getVersion(policyName, versionId);
    if (policy.defaultVersionId === versionId)
      throw deleteConflict(`Cannot delete the default version of a policy (name=${policyName})`);
    this.#put({ ...policy, versions: policy.versions.filter((one) => one.versionId !== versionId) });
  }

  /** AttachPolicy: repeat-safe. The target is the ARN of a certificate or of a thing group. */
  attach(policyName: string, target: string): void {
    this.get(policyName);
    this.#checkTarget(target);
    const attached = this.#state.policyTargets.leftsOf(target);
    if (attached.has(policyName)) return;
    if (attached.size >= mostPoliciesOfTarget)
      throw limitExceeded(`${target} has ${mostPoliciesOfTarget} policies attached already`);
    this.#state.policyTargets.link(policyName, target, true);
    this.#announce([target]);
  }

  /** DetachPolicy: a policy that is not attached stays so. */
  detach(policyName: string, target: string): void {
    this.get(policyName);
    this.#checkTarget(target);
    if (this.#state.policyTargets.unlink(policyName, target)) this.#announce([target]);
  }

  targetsOf(policyName: string): string[] {
    this.get(policyName);
    return [...this.#state.policyTargets.rightsOf(policyName).keys()];
  }

  /** `recursive` asks for the policies of a group's parents too. */
  attachedTo(target: string, recursive: boolean): StoredPolicy[] {
    this.#checkTarget(target);
    const names = new Set(this.#state.policyTargets.leftsOf(target).keys());
    const group = this.#state.nameInArn('thinggroup', target);
    for (let at = group; recursive && at !== undefined; at = this.#state.thingGroups.get(at)?.parentGroupName)
      for (const name of this.#state.policyTargets.leftsOf(this.#state.arn('thinggroup', at)).keys())
        names.add(name);
    return [...names].map((name) => this.get(name));
  }

  /** GetEffectivePolicies: those of the certificate with its things' groups, and those of the named thing's groups. */
  effective(principal: string | undefined, thingName: string | undefined): StoredPolicy[] {
    const certificateId = principal === undefined ? undefined : this.#state.nameInArn('cert', principal);
    if (principal !== undefined && certificateId === undefined)
      throw invalidRequest(`Principal ${principal} is not the ARN of a certificate of this account`);
    const names = new Set(certificateId === undefined ? [] : policyNamesOf(this.#state, certificateId));
    for (const group of thingName === undefined ? [] : groupsOf(this.#state, thingName))
      for (const name of this.#state.policyTargets.leftsOf(this.#state.arn('thinggroup', group)).keys())
        names.add(name);
    return [...names].map((name) => this.get(name));
  }

  #put(policy: StoredPolicy): void {
    this.#state.policies.put(policy.policyName, {
      ...policy,
      lastModifiedAt: this.#state.clock.now(),
      generationId: randomUUID(),
    });
    this.#announce([...this.#state.policyTargets.rightsOf(policy.policyName).keys()]);
  }

  #announce(targets: string[]): void {
    const ids = [...new Set(targets.flatMap((target) => certificatesUnder(this.#state, target)))];
    if (ids.length > 0) this.#state.changes.emit('policies', ids);
  }

  #checkTarget(target: string): void {
    const certificateId = this.#state.nameInArn('cert', target);
    const group = this.#state.nameInArn('thinggroup', target);
    if (certificateId === undefined && group === undefined)
      throw invalidRequest(`${target} is not the ARN of a certificate or thing group of this account`);
    if (certificateId !== undefined && !this.#state.certificates.has(certificateId))
      throw notFound(`Certificate ${certificateId} was not found`);
    if (group !== undefined && !this.#state.thingGroups.has(group))
      throw notFound(`Thing group ${group} was not found`);
  }
}

function checkDocument(document: string): void {
  if (document.replace(/\s/g, '').length > mostCharacters)
    throw malformedPolicy(
      `The policy document is longer than ${mostCharacters} characters without white space`,
    );
  let parsed: unknown;
  try {
    parsed = JSON.parse(document);
  } catch {
    throw malformedPolicy('The policy document is not JSON');
  }
  const checked = documentSchema.safeParse(parsed);
  if (checked.success) return;
  const issue = checked.error.issues[0];
  throw malformedPolicy(
    `Policy document is malformed at ${issue?.path.join('.') || 'the top'}: ${issue?.message ?? ''}`,
  );
}
