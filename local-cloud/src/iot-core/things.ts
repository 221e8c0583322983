import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { alreadyExists, invalidRequest, notFound, versionConflict } from './errors.ts';
import type { IotState, StoredThing } from './state.ts';

/** AWS IoT Core quotas: attributes of a thing with and without a thing type. */
const mostAttributesTyped = 50;
const mostAttributesUntyped = 3;

export interface AttributePayload {
  attributes?: Record<string, string> | undefined;
  /** Keep the attributes that are not named. */
  merge?: boolean | undefined;
}

/** The things of the account and the principals attached to them. */
export class Things {
  readonly #state: IotState;

  constructor(state: IotState) {
    this.#state = state;
  }

  /** CreateThing: the same call again is a success, another configuration under the same name is a conflict. */
  create(request: {
    thingName: string;
    thingTypeName?: string | undefined;
    attributes?: Record<string, string> | undefined;
    billingGroupName?: string | undefined;
  }): StoredThing {
    const { thingName, thingTypeName, billingGroupName } = request;
    const attributes = withoutEmpty(request.attributes ?? {});
    const existing = this.#state.things.get(thingName);
    if (existing !== undefined) {
      const same =
        existing.thingTypeName === thingTypeName &&
        existing.billingGroupName === billingGroupName &&
        isDeepStrictEqual(existing.attributes, attributes);
      if (same) return existing;
      throw alreadyExists(
        `Thing ${thingName} already exists in account with different attributes`,
        existing.thingId,
        existing.thingArn,
      );
    }
    this.#checkType(thingTypeName);
    checkAttributes(attributes, thingTypeName);
    const thing: StoredThing = {
      thingName,
      thingArn: this.#state.arn('thing', thingName),
      thingId: randomUUID(),
      ...(thingTypeName === undefined ? {} : { thingTypeName }),
      ...(billingGroupName === undefined ? {} : { billingGroupName }),
      attributes,
      version: 1,
    };
    this.#state.things.put(thingName, thing);
    return thing;
  }

  get(thingName: string): StoredThing {
    const thing = this.#state.things.get(thingName);
    if (thing === undefined) throw notFound(`Thing ${thingName} was not found.`);
    return thing;
  }

  list(filter: {
    attributeName?: string | undefined;
    attributeValue?: string | undefined;
    thingTypeName?: string | undefined;
    usePrefixAttributeValue?: boolean | undefined;
  }): StoredThing[] {
    const { attributeName, attributeValue = '', thingTypeName } = filter;
    const matches = (value: string | undefined): boolean =>
      filter.usePrefixAttributeValue === true
        ? value?.startsWith(attributeValue) === true
        : value === attributeValue;
    return [...this.#state.things.values()].filter(
      (thing) =>
        (thingTypeName === undefined || thing.thingTypeName === thingTypeName) &&
        (attributeName === undefined || matches(thing.attributes[attributeName])),
    );
  }

  /** UpdateThing: an attribute with an empty value is removed. */
  update(request: {
    thingName: string;
    thingTypeName?: string | undefined;
    removeThingType?: boolean | undefined;
    attributePayload?: AttributePayload | undefined;
    expectedVersion?: number | undefined;
  }): void {
    const thing = this.get(request.thingName);
    checkVersion(thing, request.expectedVersion);
    if (request.removeThingType === true && request.thingTypeName !== undefined)
      throw invalidRequest('Give thingTypeName or removeThingType, not both');
    this.#checkType(request.thingTypeName);
    const { thingTypeName: before, ...rest } = thing;
    const thingTypeName = request.removeThingType === true ? undefined : (request.thingTypeName ?? before);
    const given = request.attributePayload?.attributes;
    const base = given === undefined || request.attributePayload?.merge === true ? thing.attributes : {};
    const attributes = withoutEmpty({ ...base, ...given });
    checkAttributes(attributes, thingTypeName);
    this.#state.things.put(thing.thingName, {
      ...rest,
      ...(thingTypeName === undefined ? {} : { thingTypeName }),
      attributes,
      version: thing.version + 1,
    });
  }

  /** DeleteThing: nothing to delete is a success; attached principals are in the way. */
  delete(thingName: string, expectedVersion: number | undefined): void {
    const thing = this.#state.things.get(thingName);
    if (thing === undefined) return;
    checkVersion(thing, expectedVersion);
    if (this.#state.thingPrincipals.rightsOf(thingName).size > 0)
      throw invalidRequest(`Cannot delete. Thing ${thingName} is still attached to one or more principals`);
    this.#state.store.transaction(() => {
      for (const group of this.#state.groupThings.leftsOf(thingName).keys())
        this.#state.groupThings.unlink(group, thingName);
      this.#state.things.delete(thingName);
    });
  }

  /** AttachThingPrincipal: repeat-safe; an exclusive attachment admits no second thing on either side of it. */
  attachPrincipal(thingName: string, principal: string, exclusive: boolean): void {
    this.get(thingName);
    const certificateId = this.#certificateIn(principal);
    const others = [...this.#state.thingPrincipals.leftsOf(principal)].filter(([name]) => name !== thingName);
    const holder = others.find(([, attachment]) => attachment.exclusive)?.[0];
    if (holder !== undefined)
      throw invalidRequest(`Principal ${principal} is attached exclusively to thing ${holder}`);
    if (exclusive && others.length > 0)
      throw invalidRequest(`Principal ${principal} is attached to other things and cannot be exclusive`);
    this.#state.thingPrincipals.link(thingName, principal, { exclusive });
    this.#state.changes.emit('policies', [certificateId]);
  }

  detachPrincipal(thingName: string, principal: string): void {
    this.get(thingName);
    if (!this.#state.thingPrincipals.unlink(thingName, principal))
      throw notFound(`Principal ${principal} is not attached to thing ${thingName}`);
    const certificateId = this.#state.nameInArn('cert', principal);
    if (certificateId !== undefined) this.#state.changes.emit('policies', [certificateId]);
  }

  principalsOf(thingName: string): { principal: string; exclusive: boolean }[] {
    this.get(thingName);
    return [...this.#state.thingPrincipals.rightsOf(thingName)].map(([principal, { exclusive }]) => ({
      principal,
      exclusive,
    }));
  }

  thingsOf(principal: string): { thingName: string; exclusive: boolean }[] {
    this.#certificateIn(principal);
    return [...this.#state.thingPrincipals.leftsOf(principal)].map(([thingName, { exclusive }]) => ({
      thingName,
      exclusive,
    }));
  }

  #certificateIn(principal: string): string {
    const certificateId = this.#state.nameInArn('cert', principal);
    if (certificateId === undefined)
      throw invalidRequest(`Principal ${principal} is not the ARN of a certificate of this account`);
    if (!this.#state.certificates.has(certificateId)) throw notFound(`Principal ${principal} was not found`);
    return certificateId;
  }

  #checkType(thingTypeName: string | undefined): void {
    if (thingTypeName === undefined) return;
    const type = this.#state.thingTypes.get(thingTypeName);
    if (type === undefined) throw notFound(`Thing type ${thingTypeName} was not found`);
    if (type.deprecatedAt !== undefined)
      throw invalidRequest(`Can not associate a thing with the deprecated thing type ${thingTypeName}`);
  }
}

function checkVersion(thing: StoredThing, expected: number | undefined): void {
  if (expected !== undefined && expected !== thing.version)
    throw versionConflict(
      `The version for thing ${thing.thingName} is ${thing.version}, not the expected ${expected}`,
    );
}

function checkAttributes(attributes: Record<string, string>, thingTypeName: string | undefined): void {
  const most = thingTypeName === undefined ? mostAttributesUntyped : mostAttributesTyped;
  if (Object.keys(attributes).length > most)
    throw invalidRequest(
      `A thing ${thingTypeName === undefined ? 'without' : 'with'} a thing type can have at most ${most} attributes`,
    );
}

function withoutEmpty(attributes: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''));
}
