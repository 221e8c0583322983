import { z } from 'zod';
import type { AwsOperation } from '../../kernel/aws-server.ts';
import { invalidRequest } from '../errors.ts';
import type { IotState, StoredThing, StoredThingGroup, StoredThingType } from '../state.ts';
import type { ThingGroups } from '../thing-groups.ts';
import { propertiesOf, type ThingTypes } from '../thing-types.ts';
import type { Things } from '../things.ts';
import { arn, attributes, count, flag, operation, seconds, tags, thingName } from './operation.ts';
import { page, tokenInput } from './paging.ts';

const attributePayload = z.object({ attributes: attributes.optional(), merge: flag.optional() });
const principalType = z.enum(['EXCLUSIVE_THING', 'NON_EXCLUSIVE_THING']);
const typeProperties = z.object({
  thingTypeDescription: z.string().max(2028).optional(),
  searchableAttributes: z.array(z.string()).max(3).optional(),
});
const groupProperties = z.object({
  thingGroupDescription: z.string().max(2028).optional(),
  attributePayload: attributePayload.optional(),
});
const membership = z.object({
  thingGroupName: thingName.optional(),
  thingGroupArn: arn.optional(),
  thingName: thingName.optional(),
  thingArn: arn.optional(),
});

interface Paging {
  nextToken?: string | undefined;
  maxResults?: number | undefined;
}

const paged = <T>(all: readonly T[], keyOf: (item: T) => string, input: Paging) =>
  page(all, keyOf, { token: input.nextToken, size: input.maxResults });

/** Things, with what is attached to them. */
export function thingOperations(things: Things): AwsOperation[] {
  const described = (thing: StoredThing) => ({
    thingName: thing.thingName,
    thingArn: thing.thingArn,
    thingTypeName: thing.thingTypeName,
    attributes: thing.attributes,
    version: thing.version,
  });
  const kind = (exclusive: boolean): string => (exclusive ? 'EXCLUSIVE_THING' : 'NON_EXCLUSIVE_THING');
  const fits = (wanted: string | undefined, exclusive: boolean): boolean =>
    wanted === undefined || wanted === kind(exclusive);

  return [
    operation(
      'CreateThing',
      'POST',
      '/things/{thingName}',
      z.object({
        thingName,
        thingTypeName: thingName.optional(),
        attributePayload: attributePayload.optional(),
        billingGroupName: thingName.optional(),
      }),
      (input) => {
        const thing = things.create({ ...input, attributes: input.attributePayload?.attributes });
        return { thingName: thing.thingName, thingArn: thing.thingArn, thingId: thing.thingId };
      },
    ),
    operation('DescribeThing', 'GET', '/things/{thingName}', z.object({ thingName }), (input) => {
      const thing = things.get(input.thingName);
      return {
        ...described(thing),
        defaultClientId: thing.thingName,
        thingId: thing.thingId,
        billingGroupName: thing.billingGroupName,
      };
    }),
    operation(
      'UpdateThing',
      'PATCH',
      '/things/{thingName}',
      z.object({
        thingName,
        thingTypeName: thingName.optional(),
        removeThingType: flag.optional(),
        attributePayload: attributePayload.optional(),
        expectedVersion: count.optional(),
      }),
      (input) => things.update(input),
    ),
    operation(
      'DeleteThing',
      'DELETE',
      '/things/{thingName}',
      z.object({ thingName, expectedVersion: count.optional() }),
      (input) => things.delete(input.thingName, input.expectedVersion),
    ),
    operation(
      'ListThings',
      'GET',
      '/things',
      z.object({
        ...tokenInput,
        attributeName: z.string().optional(),
        attributeValue: z.string().optional(),
        thingTypeName: z.string().optional(),
        usePrefixAttributeValue: flag.optional(),
      }),
      (input) => {
        const { items, next } = paged(things.list(input), (thing) => thing.thingName, input);
        return { things: items.map(described), nextToken: next };
      },
    ),
    operation(
      'AttachThingPrincipal',
      'PUT',
      '/things/{thingName}/principals',
      z.object({ thingName, principal: arn, thingPrincipalType: principalType.optional() }),
      (input) =>
        things.attachPrincipal(
          input.thingName,
          input.principal,
          input.thingPrincipalType === 'EXCLUSIVE_THING',
        ),
    ),
    operation(
      'DetachThingPrincipal',
      'DELETE',
      '/things/{thingName}/principals',
      z.object({ thingName, principal: arn }),
      (input) => things.detachPrincipal(input.thingName, input.principal),
    ),
    operation(
      'ListThingPrincipals',
      'GET',
      '/things/{thingName}/principals',
      z.object({ thingName, ...tokenInput }),
      (input) => {
        const { items, next } = paged(things.principalsOf(input.thingName), (one) => one.principal, input);
        return { principals: items.map(({ principal }) => principal), nextToken: next };
      },
    ),
    operation(
      'ListThingPrincipalsV2',
      'GET',
      '/things/{thingName}/principals-v2',
      z.object({ thingName, thingPrincipalType: principalType.optional(), ...tokenInput }),
      (input) => {
        const all = things
          .principalsOf(input.thingName)
          .filter(({ exclusive }) => fits(input.thingPrincipalType, exclusive));
        const { items, next } = paged(all, (one) => one.principal, input);
        const thingPrincipalObjects = items.map(({ principal, exclusive }) => ({
          principal,
          thingPrincipalType: kind(exclusive),
        }));
        return { thingPrincipalObjects, nextToken: next };
      },
    ),
    operation(
      'ListPrincipalThings',
      'GET',
      '/principals/things',
      z.object({ principal: arn, ...tokenInput }),
      (input) => {
        const { items, next } = paged(things.thingsOf(input.principal), (one) => one.thingName, input);
        return { things: items.map((one) => one.thingName), nextToken: next };
      },
    ),
    operation(
      'ListPrincipalThingsV2',
      'GET',
      '/principals/things-v2',
      z.object({ principal: arn, thingPrincipalType: principalType.optional(), ...tokenInput }),
      (input) => {
        const all = things
          .thingsOf(input.principal)
          .filter(({ exclusive }) => fits(input.thingPrincipalType, exclusive));
        const { items, next } = paged(all, (one) => one.thingName, input);
        const principalThingObjects = items.map((one) => ({
          thingName: one.thingName,
          thingPrincipalType: kind(one.exclusive),
        }));
        return { principalThingObjects, nextToken: next };
      },
    ),
  ];
}

export function thingTypeOperations(state: IotState, types: ThingTypes): AwsOperation[] {
  const described = (type: StoredThingType) => ({
    thingTypeName: type.thingTypeName,
    thingTypeArn: type.thingTypeArn,
    thingTypeProperties: propertiesOf(type),
    thingTypeMetadata: {
      deprecated: type.deprecatedAt !== undefined,
      deprecationDate: type.deprecatedAt === undefined ? undefined : seconds(type.deprecatedAt),
      creationDate: seconds(type.createdAt),
    },
  });
  return [
    operation(
      'CreateThingType',
      'POST',
      '/thing-types/{thingTypeName}',
      z.object({
        thingTypeName: thingName,
        thingTypeProperties: typeProperties.default({}),
        tags: tags.optional(),
      }),
      (input) => {
        const type = types.create(input.thingTypeName, input.thingTypeProperties);
        state.tag(type.thingTypeArn, input.tags);
        return {
          thingTypeName: type.thingTypeName,
          thingTypeArn: type.thingTypeArn,
          thingTypeId: type.thingTypeId,
        };
      },
    ),
    operation(
      'DescribeThingType',
      'GET',
      '/thing-types/{thingTypeName}',
      z.object({ thingTypeName: thingName }),
      (input) => {
        const type = types.get(input.thingTypeName);
        return { ...described(type), thingTypeId: type.thingTypeId };
      },
    ),
    operation(
      'UpdateThingType',
      'PATCH',
      '/thing-types/{thingTypeName}',
      z.object({ thingTypeName: thingName, thingTypeProperties: typeProperties.default({}) }),
      (input) => types.update(input.thingTypeName, input.thingTypeProperties),
    ),
    operation(
      'DeprecateThingType',
      'POST',
      '/thing-types/{thingTypeName}/deprecate',
      z.object({ thingTypeName: thingName, undoDeprecate: flag.default(false) }),
      (input) => types.deprecate(input.thingTypeName, input.undoDeprecate),
    ),
    operation(
      'DeleteThingType',
      'DELETE',
      '/thing-types/{thingTypeName}',
      z.object({ thingTypeName: thingName }),
      (input) => types.delete(input.thingTypeName),
    ),
    operation(
      'ListThingTypes',
      'GET',
      '/thing-types',
      z.object({ thingTypeName: z.string().optional(), ...tokenInput }),
      (input) => {
        const { items, next } = paged(types.list(input.thingTypeName), (type) => type.thingTypeName, input);
        return { thingTypes: items.map(described), nextToken: next };
      },
    ),
  ];
}

export function thingGroupOperations(state: IotState, groups: ThingGroups): AwsOperation[] {
  const named = (group: StoredThingGroup) => ({
    groupName: group.thingGroupName,
    groupArn: group.thingGroupArn,
  });
  /** Both sides may be given by name or by ARN. */
  const sides = (input: z.output<typeof membership>): { group: string; thing: string } => {
    const group = input.thingGroupName ?? state.nameInArn('thinggroup', input.thingGroupArn ?? '');
    const thing = input.thingName ?? state.nameInArn('thing', input.thingArn ?? '');
    if (group === undefined || thing === undefined)
      throw invalidRequest('Give the thing and the thing group, by name or by ARN');
    return { group, thing };
  };
  return [
    operation('AddThingToThingGroup', 'PUT', '/thing-groups/addThingToThingGroup', membership, (input) => {
      const { group, thing } = sides(input);
      groups.addThing(group, thing);
    }),
    operation(
      'RemoveThingFromThingGroup',
      'PUT',
      '/thing-groups/removeThingFromThingGroup',
      membership,
      (input) => {
        const { group, thing } = sides(input);
        groups.removeThing(group, thing);
      },
    ),
    operation(
      'UpdateThingGroupsForThing',
      'PUT',
      '/thing-groups/updateThingGroupsForThing',
      z.object({
        thingName,
        thingGroupsToAdd: z.array(thingName).default([]),
        thingGroupsToRemove: z.array(thingName).default([]),
      }),
      (input) => {
        for (const group of input.thingGroupsToRemove) groups.removeThing(group, input.thingName);
        for (const group of input.thingGroupsToAdd) groups.addThing(group, input.thingName);
      },
    ),
    operation(
      'CreateThingGroup',
      'POST',
      '/thing-groups/{thingGroupName}',
      z.object({
        thingGroupName: thingName,
        parentGroupName: thingName.optional(),
        thingGroupProperties: groupProperties.default({}),
        tags: tags.optional(),
      }),
      (input) => {
        const group = groups.create(input.thingGroupName, input.parentGroupName, input.thingGroupProperties);
        state.tag(group.thingGroupArn, input.tags);
        return {
          thingGroupName: group.thingGroupName,
          thingGroupArn: group.thingGroupArn,
          thingGroupId: group.thingGroupId,
        };
      },
    ),
    operation(
      'DescribeThingGroup',
      'GET',
      '/thing-groups/{thingGroupName}',
      z.object({ thingGroupName: thingName }),
      (input) => {
        const group = groups.get(input.thingGroupName);
        return {
          thingGroupName: group.thingGroupName,
          thingGroupArn: group.thingGroupArn,
          thingGroupId: group.thingGroupId,
          version: group.version,
          thingGroupProperties: {
            thingGroupDescription: group.thingGroupDescription,
            attributePayload: { attributes: group.attributes },
          },
          thingGroupMetadata: {
            parentGroupName: group.parentGroupName,
            rootToParentThingGroups: groups.parentsOf(group.thingGroupName).map(named),
            creationDate: seconds(group.createdAt),
          },
        };
      },
    ),
    operation(
      'UpdateThingGroup',
      'PATCH',
      '/thing-groups/{thingGroupName}',
      z.object({
        thingGroupName: thingName,
        thingGroupProperties: groupProperties,
        expectedVersion: count.optional(),
      }),
      (input) => ({
        version: groups.update(input.thingGroupName, input.thingGroupProperties, input.expectedVersion),
      }),
    ),
    operation(
      'DeleteThingGroup',
      'DELETE',
      '/thing-groups/{thingGroupName}',
      z.object({ thingGroupName: thingName, expectedVersion: count.optional() }),
      (input) => groups.delete(input.thingGroupName, input.expectedVersion),
    ),
    operation(
      'ListThingGroups',
      'GET',
      '/thing-groups',
      z.object({
        ...tokenInput,
        parentGroup: z.string().optional(),
        namePrefixFilter: z.string().optional(),
        recursive: flag.optional(),
      }),
      (input) => {
        const { items, next } = paged(groups.list(input), (group) => group.thingGroupName, input);
        return { thingGroups: items.map(named), nextToken: next };
      },
    ),
    operation(
      'ListThingGroupsForThing',
      'GET',
      '/things/{thingName}/thing-groups',
      z.object({ thingName, ...tokenInput }),
      (input) => {
        const { items, next } = paged(
          groups.groupsOfThing(input.thingName),
          (group) => group.thingGroupName,
          input,
        );
        return { thingGroups: items.map(named), nextToken: next };
      },
    ),
    operation(
      'ListThingsInThingGroup',
      'GET',
      '/thing-groups/{thingGroupName}/things',
      z.object({ thingGroupName: thingName, recursive: flag.default(false), ...tokenInput }),
      (input) => {
        const { items, next } = paged(
          groups.things(input.thingGroupName, input.recursive),
          (name) => name,
          input,
        );
        return { things: items, nextToken: next };
      },
    ),
  ];
}
