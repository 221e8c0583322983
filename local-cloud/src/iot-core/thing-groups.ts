import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { alreadyExists, invalidRequest, limitExceeded, notFound, versionConflict } from './errors.ts';
import type { IotState, StoredThingGroup } from './state.ts';
import { certificatesOf, descendantsOf } from './stored-registry.ts';

/** AWS IoT Core quotas for static thing groups. */
const mostDepth = 7;
const mostChildren = 100;
const mostGroupsOfThing = 10;

export interface ThingGroupProperties {
  thingGroupDescription?: string | undefined;
  attributePayload?:
    | { attributes?: Record<string, string> | undefined; merge?: boolean | undefined }
    | undefined;
}

/** Static thing groups and their members. */
export class ThingGroups {
  readonly #state: IotState;

  constructor(state: IotState) {
    this.#state = state;
  }

  create(
    thingGroupName: string,
    parentGroupName: string | undefined,
    properties: ThingGroupProperties,
  ): StoredThingGroup {
    const group: StoredThingGroup = {
      thingGroupName,
      thingGroupArn: this.#state.arn('thinggroup', thingGroupName),
      thingGroupId: randomUUID(),
      ...(parentGroupName === undefined ? {} : { parentGroupName }),
      ...(properties.thingGroupDescription === undefined
        ? {}
        : { thingGroupDescription: properties.thingGroupDescription }),
      attributes: properties.attributePayload?.attributes ?? {},
      version: 1,
      createdAt: this.#state.clock.now(),
    };
    const existing = this.#state.thingGroups.get(thingGroupName);
    if (existing !== undefined) {
      const { thingGroupId, version, createdAt } = existing;
      if (isDeepStrictEqual(existing, { ...group, thingGroupId, version, createdAt })) return existing;
      throw alreadyExists(
        `Thing group ${thingGroupName} already exists in account with different properties`,
        thingGroupId,
        existing.thingGroupArn,
      );
    }
    this.#checkPlace(parentGroupName);
    this.#state.thingGroups.put(thingGroupName, group);
    return group;
  }

  get(thingGroupName: string): StoredThingGroup {
    const group = this.#state.thingGroups.get(thingGroupName);
    if (group === undefined) throw notFound(`Thing group ${thingGroupName} was not found`);
    return group;
  }

  list(filter: {
    parentGroup?: string | undefined;
    namePrefixFilter?: string | undefined;
    recursive?: boolean | undefined;
  }): StoredThingGroup[] {
    const { parentGroup, namePrefixFilter = '', recursive = true } = filter;
    const all = [...this.#state.thingGroups.values()];
    const below = parentGroup === undefined ? undefined : new Set(descendantsOf(this.#state, parentGroup));
    return all.filter(
      (group) =>
        group.thingGroupName.startsWith(namePrefixFilter) &&
        (recursive ? (below?.has(group.thingGroupName) ?? true) : group.parentGroupName === parentGroup),
    );
  }

  /** From the root to the group's parent. */
  parentsOf(thingGroupName: string): StoredThingGroup[] {
    const parents: StoredThingGroup[] = [];
    for (let at = this.get(thingGroupName).parentGroupName; at !== undefined; ) {
      const parent = this.get(at);
      parents.unshift(parent);
      at = parent.parentGroupName;
    }
    return parents;
  }

  /** Returns the new version. */
  update(
    thingGroupName: string,
    properties: ThingGroupProperties,
    expectedVersion: number | undefined,
  ): number {
    const group = this.get(thingGroupName);
    checkVersion(group, expectedVersion);
    const given = properties.attributePayload;
    const version = group.version + 1;
    this.#state.thingGroups.put(thingGroupName, {
      ...group,
      ...(properties.thingGroupDescription === undefined
        ? {}
        : { thingGroupDescription: properties.thingGroupDescription }),
      attributes:
        given?.attributes === undefined
          ? group.attributes
          : { ...(given.merge === true ? group.attributes : {}), ...given.attributes },
      version,
    });
    return version;
  }

  /** DeleteThingGroup: nothing to delete is a success; child groups are in the way, members are not. */
  delete(thingGroupName: string, expectedVersion: number | undefined): void {
    const group = this.#state.thingGroups.get(thingGroupName);
    if (group === undefined) return;
    checkVersion(group, expectedVersion);
    if (this.#childrenOf(thingGroupName).length > 0)
      throw invalidRequest(`Cannot delete thing group ${thingGroupName} while it has child groups`);
    const members = this.things(thingGroupName, false);
    this.#state.store.transaction(() => {
      for (const thingName of members) this.#state.groupThings.unlink(thingGroupName, thingName);
      for (const policy of this.#state.policyTargets.leftsOf(group.thingGroupArn).keys())
        this.#state.policyTargets.unlink(policy, group.thingGroupArn);
      this.#state.thingGroups.delete(thingGroupName);
    });
    this.#announce(members);
  }

  addThing(thingGroupName: string, thingName: string): void {
    this.get(thingGroupName);
    this.#checkThing(thingName);
    const groups = this.#state.groupThings.leftsOf(thingName);
    if (groups.has(thingGroupName)) return;
    if (groups.size >= mostGroupsOfThing)
      throw limitExceeded(`Thing ${thingName} is in ${mostGroupsOfThing} groups already`);
    this.#state.groupThings.link(thingGroupName, thingName, true);
    this.#announce([thingName]);
  }

  removeThing(thingGroupName: string, thingName: string): void {
    this.get(thingGroupName);
    this.#checkThing(thingName);
    if (this.#state.groupThings.unlink(thingGroupName, thingName)) this.#announce([thingName]);
  }

  things(thingGroupName: string, recursive: boolean): string[] {
    this.get(thingGroupName);
    const groups = [thingGroupName, ...(recursive ? descendantsOf(this.#state, thingGroupName) : [])];
    return [...new Set(groups.flatMap((group) => [...this.#state.groupThings.rightsOf(group).keys()]))];
  }

  groupsOfThing(thingName: string): StoredThingGroup[] {
    this.#checkThing(thingName);
    return [...this.#state.groupThings.leftsOf(thingName).keys()].map((group) => this.get(group));
  }

  #checkThing(thingName: string): void {
    if (!this.#state.things.has(thingName)) throw notFound(`Thing ${thingName} was not found.`);
  }

  #checkPlace(parentGroupName: string | undefined): void {
    if (parentGroupName === undefined) return;
    if (this.parentsOf(parentGroupName).length + 2 > mostDepth)
      throw invalidRequest(`Thing groups can be nested at most ${mostDepth} deep`);
    if (this.#childrenOf(parentGroupName).length >= mostChildren)
      throw invalidRequest(`Thing group ${parentGroupName} has ${mostChildren} child groups already`);
  }

  #childrenOf(name: string): StoredThingGroup[] {
    return [...this.#state.thingGroups.values()].filter(({ parentGroupName }) => parentGroupName === name);
  }

  #announce(thingNames: string[]): void {
    const ids = thingNames.flatMap((thingName) => certificatesOf(this.#state, thingName));
    if (ids.length > 0) this.#state.changes.emit('policies', ids);
  }
}

function checkVersion(group: StoredThingGroup, expected: number | undefined): void {
  if (expected !== undefined && expected !== group.version)
    throw versionConflict(
      `The version for thing group ${group.thingGroupName} is ${group.version}, not the expected ${expected}`,
    );
}
