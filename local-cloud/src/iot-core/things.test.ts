import {
  AddThingToThingGroupCommand,
  AttachThingPrincipalCommand,
  CreateKeysAndCertificateCommand,
  CreateThingCommand,
  CreateThingGroupCommand,
  CreateThingTypeCommand,
  DeleteThingCommand,
  DeleteThingGroupCommand,
  DeleteThingTypeCommand,
  DeprecateThingTypeCommand,
  DescribeThingCommand,
  DescribeThingGroupCommand,
  DescribeThingTypeCommand,
  DetachThingPrincipalCommand,
  ListPrincipalThingsCommand,
  ListPrincipalThingsV2Command,
  ListTagsForResourceCommand,
  ListThingGroupsCommand,
  ListThingGroupsForThingCommand,
  ListThingPrincipalsCommand,
  ListThingPrincipalsV2Command,
  ListThingsCommand,
  ListThingsInThingGroupCommand,
  ListThingTypesCommand,
  paginateListThings,
  RemoveThingFromThingGroupCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateThingCommand,
  UpdateThingGroupCommand,
  UpdateThingGroupsForThingCommand,
  UpdateThingTypeCommand,
} from '@aws-sdk/client-iot';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type IotCloud, outcomeOf, startIotCloud } from './testing/iot-cloud.ts';

let cloud: IotCloud;
beforeEach(async () => {
  cloud = await startIotCloud();
});
afterEach(() => cloud.stop());

const create = (thingName: string, more = {}) =>
  cloud.client.send(new CreateThingCommand({ thingName, ...more }));
const certificate = async (): Promise<string> => {
  const { certificateArn = '' } = await cloud.client.send(new CreateKeysAndCertificateCommand({}));
  return certificateArn;
};

describe('things', () => {
  it('are created once; the same again is a success, another configuration a conflict', async () => {
    await cloud.client.send(new CreateThingTypeCommand({ thingTypeName: 'camera' }));
    const attributePayload = { attributes: { serial: 'N4K-000001', model: 'n4k' } };
    const first = await create('aovis-n4k-000001', { thingTypeName: 'camera', attributePayload });
    expect(first).toMatchObject({
      thingName: 'aovis-n4k-000001',
      thingArn: 'arn:aws:iot:eu-central-1:111122223333:thing/aovis-n4k-000001',
    });
    const again = await create('aovis-n4k-000001', { thingTypeName: 'camera', attributePayload });
    expect(again.thingId).toBe(first.thingId);
    await expect(create('aovis-n4k-000001', { thingTypeName: 'camera' })).rejects.toMatchObject({
      name: 'ResourceAlreadyExistsException',
      resourceId: first.thingId,
      resourceArn: first.thingArn,
    });
    const described = await cloud.client.send(new DescribeThingCommand({ thingName: 'aovis-n4k-000001' }));
    expect(described).toMatchObject({
      defaultClientId: 'aovis-n4k-000001',
      thingTypeName: 'camera',
      attributes: attributePayload.attributes,
      version: 1,
    });
  });

  it('have at most three attributes without a type and fifty with one', async () => {
    await cloud.client.send(new CreateThingTypeCommand({ thingTypeName: 'camera' }));
    const payload = (n: number) => ({
      attributePayload: {
        attributes: Object.fromEntries(Array.from({ length: n }, (_, i) => [`a${i}`, 'x'])),
      },
    });
    expect(await outcomeOf(create('a', payload(3)))).toBe('answered');
    expect(await outcomeOf(create('b', payload(4)))).toBe('InvalidRequestException 400');
    expect(await outcomeOf(create('c', { ...payload(50), thingTypeName: 'camera' }))).toBe('answered');
    expect(await outcomeOf(create('d', { ...payload(51), thingTypeName: 'camera' }))).toBe(
      'InvalidRequestException 400',
    );
    expect(await outcomeOf(create('e', { thingTypeName: 'unknown' }))).toBe('ResourceNotFoundException 404');
    expect(await outcomeOf(create('not a name'))).toBe('InvalidRequestException 400');
  });

  it('are updated with versions, merging or replacing, an empty value removing', async () => {
    await create('t', { attributePayload: { attributes: { a: '1', b: '2' } } });
    const update = (attributes: Record<string, string>, merge: boolean, expectedVersion?: number) =>
      cloud.client.send(
        new UpdateThingCommand({ thingName: 't', attributePayload: { attributes, merge }, expectedVersion }),
      );
    const attributes = async () =>
      (await cloud.client.send(new DescribeThingCommand({ thingName: 't' }))).attributes;
    await update({ a: '', c: '3' }, true, 1);
    expect(await attributes()).toEqual({ b: '2', c: '3' });
    expect(await outcomeOf(update({}, true, 1))).toBe('VersionConflictException 409');
    await update({ d: '4' }, false);
    expect(await attributes()).toEqual({ d: '4' });
  });

  it('are deleted, twice even, but not with principals attached', async () => {
    await create('t');
    const principal = await certificate();
    await cloud.client.send(new AttachThingPrincipalCommand({ thingName: 't', principal }));
    const remove = () => cloud.client.send(new DeleteThingCommand({ thingName: 't' }));
    await expect(remove()).rejects.toMatchObject({
      name: 'InvalidRequestException',
      message: 'Cannot delete. Thing t is still attached to one or more principals',
    });
    await cloud.client.send(new DetachThingPrincipalCommand({ thingName: 't', principal }));
    await remove();
    await remove();
    await expect(cloud.client.send(new DescribeThingCommand({ thingName: 't' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'Thing t was not found.',
    });
  });

  it('are listed by attribute and type, page by page', async () => {
    for (let i = 0; i < 12; i++)
      await create(`t${String(i).padStart(2, '0')}`, {
        attributePayload: { attributes: { parity: i % 2 === 0 ? 'even' : 'odd' } },
      });
    const names: (string | undefined)[] = [];
    for await (const page of paginateListThings({ client: cloud.client, pageSize: 5 }, {}))
      names.push(...(page.things ?? []).map(({ thingName }) => thingName));
    expect(names).toEqual(Array.from({ length: 12 }, (_, i) => `t${String(i).padStart(2, '0')}`));
    const odd = { attributeName: 'parity', attributeValue: 'odd' };
    const { things = [] } = await cloud.client.send(new ListThingsCommand(odd));
    expect(things).toHaveLength(6);
    const prefix = { attributeName: 'parity', attributeValue: 'ev', usePrefixAttributeValue: true };
    expect((await cloud.client.send(new ListThingsCommand(prefix))).things).toHaveLength(6);
  });
});

describe('principals', () => {
  it('are attached, repeat-safe, and listed from either side', async () => {
    await create('a');
    await create('b');
    const principal = await certificate();
    const attach = (thingName: string) =>
      cloud.client.send(new AttachThingPrincipalCommand({ thingName, principal }));
    await attach('a');
    await attach('a');
    await attach('b');
    const things = await cloud.client.send(new ListPrincipalThingsCommand({ principal }));
    expect(things.things).toEqual(['a', 'b']);
    const principals = await cloud.client.send(new ListThingPrincipalsCommand({ thingName: 'a' }));
    expect(principals.principals).toEqual([principal]);
    const absent = new AttachThingPrincipalCommand({ thingName: 'none', principal });
    expect(await outcomeOf(cloud.client.send(absent))).toBe('ResourceNotFoundException 404');
    const unknown = `${principal.slice(0, -64)}${'0'.repeat(64)}`;
    expect(
      await outcomeOf(
        cloud.client.send(new AttachThingPrincipalCommand({ thingName: 'a', principal: unknown })),
      ),
    ).toBe('ResourceNotFoundException 404');
  });

  it('belong to one thing when attached exclusively', async () => {
    await create('a');
    await create('b');
    const principal = await certificate();
    const attach = (thingName: string, exclusive: boolean) =>
      outcomeOf(
        cloud.client.send(
          new AttachThingPrincipalCommand({
            thingName,
            principal,
            thingPrincipalType: exclusive ? 'EXCLUSIVE_THING' : 'NON_EXCLUSIVE_THING',
          }),
        ),
      );
    expect(await attach('a', true)).toBe('answered');
    expect(await attach('a', true)).toBe('answered');
    expect(await attach('b', false)).toBe('InvalidRequestException 400');
    const v2 = await cloud.client.send(new ListThingPrincipalsV2Command({ thingName: 'a' }));
    expect(v2.thingPrincipalObjects).toEqual([{ principal, thingPrincipalType: 'EXCLUSIVE_THING' }]);
    const things = await cloud.client.send(
      new ListPrincipalThingsV2Command({ principal, thingPrincipalType: 'NON_EXCLUSIVE_THING' }),
    );
    expect(things.principalThingObjects).toEqual([]);
    const id = principal.split('/')[1] ?? '';
    expect(cloud.iotCore.registry.thingsOf(id)).toEqual([{ thingName: 'a', exclusive: true }]);
    await cloud.client.send(new DetachThingPrincipalCommand({ thingName: 'a', principal }));
    expect(await attach('a', false)).toBe('answered');
    expect(await attach('b', false)).toBe('answered');
    expect(await attach('b', true)).toBe('InvalidRequestException 400');
  });
});

describe('thing types', () => {
  it('are created, described, deprecated for five minutes, deleted', async () => {
    const properties = { thingTypeDescription: 'a camera', searchableAttributes: ['serial'] };
    const thingTypeName = 'camera';
    const made = () =>
      cloud.client.send(new CreateThingTypeCommand({ thingTypeName, thingTypeProperties: properties }));
    const { thingTypeId } = await made();
    expect((await made()).thingTypeId).toBe(thingTypeId);
    expect(await outcomeOf(cloud.client.send(new CreateThingTypeCommand({ thingTypeName })))).toBe(
      'ResourceAlreadyExistsException 409',
    );
    await cloud.client.send(
      new UpdateThingTypeCommand({ thingTypeName, thingTypeProperties: { thingTypeDescription: 'b' } }),
    );
    const remove = () => outcomeOf(cloud.client.send(new DeleteThingTypeCommand({ thingTypeName })));
    expect(await remove()).toBe('InvalidRequestException 400');
    await cloud.client.send(new DeprecateThingTypeCommand({ thingTypeName }));
    const described = await cloud.client.send(new DescribeThingTypeCommand({ thingTypeName }));
    expect(described.thingTypeProperties).toEqual({ ...properties, thingTypeDescription: 'b' });
    expect(described.thingTypeMetadata?.deprecated).toBe(true);
    expect(await outcomeOf(create('t', { thingTypeName }))).toBe('InvalidRequestException 400');
    expect(await remove()).toBe('InvalidRequestException 400');
    cloud.environment.clock.shift(6 * 60_000);
    expect(await remove()).toBe('answered');
    expect((await cloud.client.send(new ListThingTypesCommand({}))).thingTypes).toEqual([]);
  });
});

describe('thing groups', () => {
  const group = (thingGroupName: string, parentGroupName?: string) =>
    cloud.client.send(new CreateThingGroupCommand({ thingGroupName, parentGroupName }));

  it('nest seven deep and know their parents', async () => {
    await group('g1');
    for (let i = 2; i <= 7; i++) await group(`g${i}`, `g${i - 1}`);
    expect(await outcomeOf(group('g8', 'g7'))).toBe('InvalidRequestException 400');
    expect(await outcomeOf(group('g2', 'g1'))).toBe('answered');
    expect(await outcomeOf(group('g2'))).toBe('ResourceAlreadyExistsException 409');
    const { thingGroupMetadata } = await cloud.client.send(
      new DescribeThingGroupCommand({ thingGroupName: 'g3' }),
    );
    expect(thingGroupMetadata?.rootToParentThingGroups?.map(({ groupName }) => groupName)).toEqual([
      'g1',
      'g2',
    ]);
    const below = await cloud.client.send(new ListThingGroupsCommand({ parentGroup: 'g5', recursive: true }));
    expect(below.thingGroups?.map(({ groupName }) => groupName)).toEqual(['g6', 'g7']);
    const children = await cloud.client.send(
      new ListThingGroupsCommand({ parentGroup: 'g5', recursive: false }),
    );
    expect(children.thingGroups?.map(({ groupName }) => groupName)).toEqual(['g6']);
    expect(await outcomeOf(cloud.client.send(new DeleteThingGroupCommand({ thingGroupName: 'g6' })))).toBe(
      'InvalidRequestException 400',
    );
  });

  it('have members, by name or ARN, ten groups a thing at most', async () => {
    await create('t');
    for (let i = 0; i <= 10; i++) await group(`g${i}`);
    const add = (thingGroupName: string) =>
      cloud.client.send(new AddThingToThingGroupCommand({ thingGroupName, thingName: 't' }));
    for (let i = 0; i < 10; i++) await add(`g${i}`);
    await add('g0');
    expect(await outcomeOf(add('g10'))).toBe('LimitExceededException 410');
    await cloud.client.send(
      new RemoveThingFromThingGroupCommand({
        thingGroupArn: 'arn:aws:iot:eu-central-1:111122223333:thinggroup/g0',
        thingArn: 'arn:aws:iot:eu-central-1:111122223333:thing/t',
      }),
    );
    await cloud.client.send(
      new UpdateThingGroupsForThingCommand({
        thingName: 't',
        thingGroupsToAdd: ['g10'],
        thingGroupsToRemove: ['g1', 'g2', 'g3', 'g4', 'g5', 'g6', 'g7', 'g8'],
      }),
    );
    const groups = await cloud.client.send(new ListThingGroupsForThingCommand({ thingName: 't' }));
    expect(groups.thingGroups?.map(({ groupName }) => groupName)).toEqual(['g10', 'g9']);
    const members = await cloud.client.send(new ListThingsInThingGroupCommand({ thingGroupName: 'g10' }));
    expect(members.things).toEqual(['t']);
    await cloud.client.send(new DeleteThingCommand({ thingName: 't' }));
    const after = await cloud.client.send(new ListThingsInThingGroupCommand({ thingGroupName: 'g10' }));
    expect(after.things).toEqual([]);
    await cloud.client.send(new DeleteThingGroupCommand({ thingGroupName: 'g10' }));
    await cloud.client.send(new DeleteThingGroupCommand({ thingGroupName: 'g10' }));
  });

  it('are updated with versions', async () => {
    await group('g');
    const update = (expectedVersion: number) =>
      cloud.client.send(
        new UpdateThingGroupCommand({
          thingGroupName: 'g',
          thingGroupProperties: { thingGroupDescription: 'new' },
          expectedVersion,
        }),
      );
    expect((await update(1)).version).toBe(2);
    expect(await outcomeOf(update(1))).toBe('VersionConflictException 409');
  });
});

it('keeps tags by ARN', async () => {
  const { thingTypeArn = '' } = await cloud.client.send(
    new CreateThingTypeCommand({ thingTypeName: 'camera', tags: [{ Key: 'a', Value: '1' }] }),
  );
  await cloud.client.send(
    new TagResourceCommand({ resourceArn: thingTypeArn, tags: [{ Key: 'b', Value: '2' }] }),
  );
  await cloud.client.send(new UntagResourceCommand({ resourceArn: thingTypeArn, tagKeys: ['a'] }));
  const { tags } = await cloud.client.send(new ListTagsForResourceCommand({ resourceArn: thingTypeArn }));
  expect(tags).toEqual([{ Key: 'b', Value: '2' }]);
});
