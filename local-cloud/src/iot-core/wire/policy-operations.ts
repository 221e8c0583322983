import { z } from 'zod';
import type { AwsOperation } from '../../kernel/aws-server.ts';
import type { Policies } from '../policies.ts';
import type { IotState, StoredPolicy } from '../state.ts';
import { arn, flag, operation, policyName, seconds, tags } from './operation.ts';
import { markerInput, page } from './paging.ts';

const policyDocument = z.string({ error: 'Member must not be null' }).max(404_600);
const policyVersionId = z
  .string()
  .regex(/^\d{1,10}$/, 'Member must satisfy regular expression pattern: [0-9]+');

/** IoT policies and their attachments, with the older principal-policy calls on the same state. */
export function policyOperations(state: IotState, policies: Policies): AwsOperation[] {
  const named = (policy: StoredPolicy) => ({ policyName: policy.policyName, policyArn: policy.policyArn });
  const documentOf = (policy: StoredPolicy): string =>
    policies.getVersion(policy.policyName, policy.defaultVersionId).document;
  const times = (policy: StoredPolicy) => ({
    creationDate: seconds(policy.createdAt),
    lastModifiedDate: seconds(policy.lastModifiedAt),
    generationId: policy.generationId,
  });
  const paged = <T>(
    all: readonly T[],
    keyOf: (item: T) => string,
    input: { marker?: string | undefined; pageSize?: number | undefined },
  ) => page(all, keyOf, { token: input.marker, size: input.pageSize });

  return [
    operation(
      'CreatePolicy',
      'POST',
      '/policies/{policyName}',
      z.object({ policyName, policyDocument, tags: tags.optional() }),
      (input) => {
        const policy = policies.create(input.policyName, input.policyDocument);
        state.tag(policy.policyArn, input.tags);
        return {
          ...named(policy),
          policyDocument: input.policyDocument,
          policyVersionId: policy.defaultVersionId,
        };
      },
    ),
    operation('GetPolicy', 'GET', '/policies/{policyName}', z.object({ policyName }), (input) => {
      const policy = policies.get(input.policyName);
      return {
        ...named(policy),
        policyDocument: documentOf(policy),
        defaultVersionId: policy.defaultVersionId,
        ...times(policy),
      };
    }),
    operation('DeletePolicy', 'DELETE', '/policies/{policyName}', z.object({ policyName }), (input) =>
      policies.delete(input.policyName),
    ),
    operation('ListPolicies', 'GET', '/policies', z.object(markerInput), (input) => {
      const { items, next } = paged(policies.list(), (policy) => policy.policyName, input);
      return { policies: items.map(named), nextMarker: next };
    }),
    operation(
      'CreatePolicyVersion',
      'POST',
      '/policies/{policyName}/version',
      z.object({ policyName, policyDocument, setAsDefault: flag.default(false) }),
      (input) => {
        const version = policies.createVersion(input.policyName, input.policyDocument, input.setAsDefault);
        return {
          policyArn: policies.get(input.policyName).policyArn,
          policyDocument: version.document,
          policyVersionId: version.versionId,
          isDefaultVersion: input.setAsDefault,
        };
      },
    ),
    operation(
      'GetPolicyVersion',
      'GET',
      '/policies/{policyName}/version/{policyVersionId}',
      z.object({ policyName, policyVersionId }),
      (input) => {
        const policy = policies.get(input.policyName);
        const version = policies.getVersion(input.policyName, input.policyVersionId);
        return {
          ...named(policy),
          policyDocument: version.document,
          policyVersionId: version.versionId,
          isDefaultVersion: version.versionId === policy.defaultVersionId,
          ...times(policy),
          creationDate: seconds(version.createdAt),
        };
      },
    ),
    operation(
      'ListPolicyVersions',
      'GET',
      '/policies/{policyName}/version',
      z.object({ policyName }),
      (input) => {
        const policy = policies.get(input.policyName);
        return {
          policyVersions: policy.versions.map((version) => ({
            versionId: version.versionId,
            isDefaultVersion: version.versionId === policy.defaultVersionId,
            createDate: seconds(version.createdAt),
          })),
        };
      },
    ),
    operation(
      'DeletePolicyVersion',
      'DELETE',
      '/policies/{policyName}/version/{policyVersionId}',
      z.object({ policyName, policyVersionId }),
      (input) => policies.deleteVersion(input.policyName, input.policyVersionId),
    ),
    operation(
      'SetDefaultPolicyVersion',
      'PATCH',
      '/policies/{policyName}/version/{policyVersionId}',
      z.object({ policyName, policyVersionId }),
      (input) => policies.setDefaultVersion(input.policyName, input.policyVersionId),
    ),
    operation(
      'AttachPolicy',
      'PUT',
      '/target-policies/{policyName}',
      z.object({ policyName, target: arn }),
      (input) => policies.attach(input.policyName, input.target),
    ),
    operation(
      'DetachPolicy',
      'POST',
      '/target-policies/{policyName}',
      z.object({ policyName, target: arn }),
      (input) => policies.detach(input.policyName, input.target),
    ),
    operation(
      'ListAttachedPolicies',
      'POST',
      '/attached-policies/{target}',
      z.object({ target: arn, recursive: flag.default(false), ...markerInput }),
      (input) => {
        const all = policies.attachedTo(input.target, input.recursive);
        const { items, next } = paged(all, (policy) => policy.policyName, input);
        return { policies: items.map(named), nextMarker: next };
      },
    ),
    operation(
      'ListTargetsForPolicy',
      'POST',
      '/policy-targets/{policyName}',
      z.object({ policyName, ...markerInput }),
      (input) => {
        const { items, next } = paged(policies.targetsOf(input.policyName), (target) => target, input);
        return { targets: items, nextMarker: next };
      },
    ),
    operation(
      'AttachPrincipalPolicy',
      'PUT',
      '/principal-policies/{policyName}',
      z.object({ policyName, principal: arn }),
      (input) => policies.attach(input.policyName, input.principal),
    ),
    operation(
      'DetachPrincipalPolicy',
      'DELETE',
      '/principal-policies/{policyName}',
      z.object({ policyName, principal: arn }),
      (input) => policies.detach(input.policyName, input.principal),
    ),
    operation(
      'ListPrincipalPolicies',
      'GET',
      '/principal-policies',
      z.object({ principal: arn, ...markerInput }),
      (input) => {
        const all = policies.attachedTo(input.principal, false);
        const { items, next } = paged(all, (policy) => policy.policyName, input);
        return { policies: items.map(named), nextMarker: next };
      },
    ),
    operation(
      'ListPolicyPrincipals',
      'GET',
      '/policy-principals',
      z.object({ policyName, ...markerInput }),
      (input) => {
        const all = policies.targetsOf(input.policyName).filter((target) => target.includes(':cert/'));
        const { items, next } = paged(all, (target) => target, input);
        return { principals: items, nextMarker: next };
      },
    ),
    operation(
      'GetEffectivePolicies',
      'POST',
      '/effective-policies',
      z.object({ principal: arn.optional(), thingName: z.string().optional() }),
      (input) => ({
        effectivePolicies: policies
          .effective(input.principal, input.thingName)
          .map((policy) => ({ ...named(policy), policyDocument: documentOf(policy) })),
      }),
    ),
  ];
}
