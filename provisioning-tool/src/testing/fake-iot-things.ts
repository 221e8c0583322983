import type { FakeIotAccount, FakeThing } from './fake-iot-account.ts';
import { ApiError, arn, type Body, type Call, page, type Route, text } from './fake-iot-wire.ts';

/** Things, their types and groups, and what is attached to them. */
export function thingRoutes(account: FakeIotAccount): Route[] {
  return [
    {
      method: 'GET',
      path: /^\/thing-types\/([^/]+)$/,
      operation: 'DescribeThingType',
      handle: ({ name }) => account.named(account.thingTypes, name, { thingTypeName: name }),
    },
    {
      method: 'GET',
      path: /^\/thing-groups\/([^/]+)$/,
      operation: 'DescribeThingGroup',
      handle: ({ name }) => account.named(account.thingGroups, name, { thingGroupName: name }),
    },
    {
      method: 'GET',
      path: /^\/things$/,
      operation: 'ListThings',
      handle: ({ query }) => {
        const name = query.get('attributeName') ?? '';
        const all = [...account.things].filter(
          ([, { attributes }]) => attributes[name] === query.get('attributeValue'),
        );
        const { items, next } = page(all, query.get('nextToken'), query.get('maxResults'));
        return {
          things: items.map(([thingName, { type, attributes }]) => ({
            thingName,
            thingTypeName: type,
            attributes,
          })),
          nextToken: next,
        };
      },
    },
    {
      method: 'GET',
      path: /^\/things\/([^/]+)\/principals$/,
      operation: 'ListThingPrincipals',
      handle: ({ name }) => ({
        principals: [...account.get(account.things, name).principals].map((id) => arn(`cert/${id}`)),
      }),
    },
    {
      method: 'DELETE',
      path: /^\/things\/([^/]+)\/principals$/,
      operation: 'DetachThingPrincipal',
      handle: ({ name, headers }) => {
        const id = text(headers['x-amzn-principal']).split('cert/')[1] ?? '';
        if (!account.get(account.things, name).principals.delete(id))
          throw new ApiError(404, 'ResourceNotFoundException', `${id} is not attached`);
        return {};
      },
    },
    {
      method: 'GET',
      path: /^\/thing-groups\/([^/]+)\/things$/,
      operation: 'ListThingsInThingGroup',
      handle: ({ name, query }) => {
        const all = [...account.things].filter(([, { groups }]) => groups.has(name)).map(([thing]) => thing);
        const { items, next } = page(all, query.get('nextToken'), query.get('maxResults'));
        return { things: items, nextToken: next };
      },
    },
    {
      method: 'PATCH',
      path: /^\/things\/([^/]+)$/,
      operation: 'UpdateThing',
      handle: ({ name, body }) => {
        const payload = (body['attributePayload'] ?? {}) as { attributes?: Record<string, string> };
        Object.assign(account.get(account.things, name).attributes, payload.attributes);
        return {};
      },
    },
    {
      method: 'DELETE',
      path: /^\/things\/([^/]+)$/,
      operation: 'DeleteThing',
      handle: ({ name }) => {
        if ((account.things.get(name)?.principals.size ?? 0) > 0)
          throw new ApiError(400, 'InvalidRequestException', 'the thing has principals');
        account.things.delete(name);
        return {};
      },
    },
    {
      method: 'PUT',
      path: /^\/things\/([^/]+)\/principals$/,
      operation: 'AttachThingPrincipal',
      handle: (call) => attachPrincipal(account, call),
    },
    {
      method: 'POST',
      path: /^\/things\/([^/]+)$/,
      operation: 'CreateThing',
      handle: (call) => createThing(account, call),
    },
    {
      method: 'GET',
      path: /^\/things\/([^/]+)$/,
      operation: 'DescribeThing',
      handle: ({ name }) => {
        const { type, attributes } = account.get(account.things, name);
        return { thingName: name, thingTypeName: type, attributes };
      },
    },
    {
      method: 'PUT',
      path: /^\/thing-groups\/addThingToThingGroup$/,
      operation: 'AddThingToThingGroup',
      handle: ({ body }) => {
        account.named(account.thingGroups, text(body['thingGroupName']), {});
        account.get(account.things, text(body['thingName'])).groups.add(text(body['thingGroupName']));
        return {};
      },
    },
  ];
}

function createThing(account: FakeIotAccount, { name, body }: Call): Body {
  const payload = (body['attributePayload'] ?? {}) as { attributes?: Record<string, string> };
  const attributes = payload.attributes ?? {};
  const type = text(body['thingTypeName']);
  account.named(account.thingTypes, type, {});
  const existing = account.things.get(name);
  const same = (thing: FakeThing) =>
    thing.type === type &&
    Object.keys({ ...thing.attributes, ...attributes }).every(
      (key) => thing.attributes[key] === attributes[key],
    );
  if (existing && !same(existing)) {
    throw new ApiError(
      409,
      'ResourceAlreadyExistsException',
      `Thing ${name} already exists with other tags`,
      {
        resourceId: name,
        resourceArn: arn(`thing/${name}`),
      },
    );
  }
  if (!existing) account.things.set(name, { type, attributes, principals: new Set(), groups: new Set() });
  return { thingName: name, thingArn: arn(`thing/${name}`) };
}

function attachPrincipal(account: FakeIotAccount, { name, query, headers }: Call): Body {
  const thing = account.get(account.things, name);
  const id = text(headers['x-amzn-principal']).split('cert/')[1] ?? '';
  account.get(account.certificates, id);
  if (query.get('thingPrincipalType') === 'EXCLUSIVE_THING') {
    const other = [...account.things].find(([other, { principals }]) => other !== name && principals.has(id));
    if (other) throw new ApiError(400, 'InvalidRequestException', 'the principal belongs to another thing');
  }
  thing.principals.add(id);
  return {};
}
