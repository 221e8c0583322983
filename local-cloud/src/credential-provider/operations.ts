import { evaluatePolicies } from '../iot-broker/iot-policy.ts';
import type { PolicyDocument, Registry } from '../iot-core/registry.ts';
import type { RoleAliases } from '../iot-core/role-aliases.ts';
import type { Iam } from '../kernel/iam.ts';
import { accessDenied, cannotAssume, durationTooLong, invalidThing, noSuchAlias } from './errors.ts';
import type { TemporaryKey, TemporaryKeys } from './temporary-keys.ts';

const trustedService = 'credentials.iot.amazonaws.com';

export interface AssumeRequest {
  certificateId: string;
  roleAlias: string;
  /** From `x-amzn-iot-thingname`; without it the role's policy has no thing variables. */
  thingName: string | undefined;
  sourceIp: string;
}

export interface CredentialRulesOptions {
  registry: Registry;
  roleAliases: Pick<RoleAliases, 'find'>;
  iam: Iam;
  keys: TemporaryKeys;
  /** `rolealias` name → ARN. */
  aliasArn(roleAlias: string): string;
}

/** AssumeRoleWithCertificate. AWS checks thing, then policy, then alias, then role; so does this. */
export class CredentialRules {
  readonly #options: CredentialRulesOptions;

  constructor(options: CredentialRulesOptions) {
    this.#options = options;
  }

  /** `lifetimeSeconds` outweighs the alias, for the fault of short-lived credentials. */
  assume(request: AssumeRequest, lifetimeSeconds?: number): TemporaryKey {
    const { registry, roleAliases, iam, keys } = this.#options;
    const { certificateId, thingName } = request;
    this.#checkThing(certificateId, thingName);
    this.#checkPolicy(registry.policiesOf(certificateId), request);
    const alias = roleAliases.find(request.roleAlias);
    if (alias === undefined) throw noSuchAlias();
    const role = iam.findRole(iam.roleNameOf(alias.roleArn) ?? '');
    if (role === undefined || !role.trust.includes(trustedService)) throw cannotAssume();
    if (alias.credentialDurationSeconds > role.maxSessionSeconds) throw durationTooLong();
    const thingTypeName = thingName === undefined ? undefined : registry.findThing(thingName)?.thingTypeName;
    return keys.issue(
      {
        kind: 'role',
        roleName: role.roleName,
        thingName,
        ...(thingTypeName === undefined ? {} : { thingTypeName }),
        certificateId,
      },
      lifetimeSeconds ?? alias.credentialDurationSeconds,
    );
  }

  #checkThing(certificateId: string, thingName: string | undefined): void {
    if (thingName === undefined) return;
    const attached = this.#options.registry.thingsOf(certificateId);
    if (!attached.some((thing) => thing.thingName === thingName)) throw invalidThing();
  }

  /** Thing variables exist on MQTT only (AWS IoT Developer Guide, "Thing policy variables"). */
  #checkPolicy(policies: PolicyDocument[], request: AssumeRequest): void {
    const verdict = evaluatePolicies(
      policies,
      'iot:AssumeRoleWithCertificate',
      this.#options.aliasArn(request.roleAlias),
      { 'iot:CertificateId': request.certificateId, 'aws:SourceIp': request.sourceIp },
    );
    if (verdict !== 'allowed') throw accessDenied();
  }
}
