import { z } from 'zod';
import type { AwsOperation } from '../../kernel/aws-server.ts';
import type { RoleAliases } from '../role-aliases.ts';
import type { IotState, StoredRoleAlias } from '../state.ts';
import { arn, operation, roleAliasName, roleArn, seconds, tags } from './operation.ts';
import { markerInput, page } from './paging.ts';

const durationSeconds = z.int().min(900).max(43_200);

/** `host:port` of the stand-in's endpoints; asked for at each call, because ports are known only after the start. */
export interface IotEndpoints {
  /** MQTT over TLS: what a board dials. */
  mqtt(): string;
  /** Data plane over HTTP. */
  data(): string;
  credentials(): string;
}

/** Endpoints, role aliases, tags. */
export function accountOperations(
  state: IotState,
  aliases: RoleAliases,
  endpoints: IotEndpoints,
  accountId: string,
): AwsOperation[] {
  const addresses: Record<string, () => string> = {
    'iot:Data': () => endpoints.mqtt(),
    'iot:Data-ATS': () => endpoints.mqtt(),
    'iot:CredentialProvider': () => endpoints.credentials(),
    'iot:Jobs': () => endpoints.data(),
  };
  const named = (alias: StoredRoleAlias) => ({
    roleAlias: alias.roleAlias,
    roleAliasArn: alias.roleAliasArn,
  });
  return [
    operation(
      'DescribeEndpoint',
      'GET',
      '/endpoint',
      z.object({
        endpointType: z
          .string()
          .default('iot:Data')
          .refine((type) => type in addresses, `Member must be one of ${Object.keys(addresses).join(', ')}`),
      }),
      (input) => ({ endpointAddress: addresses[input.endpointType]?.() }),
    ),
    operation(
      'CreateRoleAlias',
      'POST',
      '/role-aliases/{roleAlias}',
      z.object({
        roleAlias: roleAliasName,
        roleArn,
        credentialDurationSeconds: durationSeconds.optional(),
        tags: tags.optional(),
      }),
      (input) => {
        const alias = aliases.create(input.roleAlias, input.roleArn, input.credentialDurationSeconds);
        state.tag(alias.roleAliasArn, input.tags);
        return named(alias);
      },
    ),
    operation(
      'DescribeRoleAlias',
      'GET',
      '/role-aliases/{roleAlias}',
      z.object({ roleAlias: roleAliasName }),
      (input) => {
        const alias = aliases.get(input.roleAlias);
        return {
          roleAliasDescription: {
            ...named(alias),
            roleArn: alias.roleArn,
            owner: accountId,
            credentialDurationSeconds: alias.credentialDurationSeconds,
            creationDate: seconds(alias.createdAt),
            lastModifiedDate: seconds(alias.lastModifiedAt),
          },
        };
      },
    ),
    operation(
      'UpdateRoleAlias',
      'PUT',
      '/role-aliases/{roleAlias}',
      z.object({
        roleAlias: roleAliasName,
        roleArn: roleArn.optional(),
        credentialDurationSeconds: durationSeconds.optional(),
      }),
      (input) => named(aliases.update(input.roleAlias, input.roleArn, input.credentialDurationSeconds)),
    ),
    operation(
      'DeleteRoleAlias',
      'DELETE',
      '/role-aliases/{roleAlias}',
      z.object({ roleAlias: roleAliasName }),
      (input) => aliases.delete(input.roleAlias),
    ),
    operation('ListRoleAliases', 'GET', '/role-aliases', z.object(markerInput), (input) => {
      const { items, next } = page(aliases.list(), (alias) => alias.roleAlias, {
        token: input.marker,
        size: input.pageSize,
        descending: input.isAscendingOrder === false,
      });
      return { roleAliases: items.map(({ roleAlias }) => roleAlias), nextMarker: next };
    }),
    operation('TagResource', 'POST', '/tags', z.object({ resourceArn: arn, tags }), (input) =>
      state.tag(input.resourceArn, input.tags),
    ),
    operation(
      'UntagResource',
      'POST',
      '/untag',
      z.object({ resourceArn: arn, tagKeys: z.array(z.string()) }),
      (input) => state.untag(input.resourceArn, input.tagKeys),
    ),
    operation('ListTagsForResource', 'GET', '/tags', z.object({ resourceArn: arn }), (input) => ({
      tags: Object.entries(state.tags.get(input.resourceArn) ?? {}).map(([Key, Value]) => ({ Key, Value })),
    })),
  ];
}
