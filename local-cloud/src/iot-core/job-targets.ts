import type { Environment } from '../kernel/service.ts';
import { IotState } from './state.ts';
import { descendantsOf } from './stored-registry.ts';

/** Things and groups by name, as jobs address them. */
export function registryTargets(environment: Environment): {
  thingExists(thingName: string): boolean;
  thingsOfGroup(thingGroupName: string): string[] | undefined;
} {
  const state = new IotState(environment);
  return {
    thingExists: (thingName) => state.things.has(thingName),
    thingsOfGroup: (thingGroupName) => {
      if (!state.thingGroups.has(thingGroupName)) return undefined;
      const groups = [thingGroupName, ...descendantsOf(state, thingGroupName)];
      return groups.flatMap((group) => [...state.groupThings.rightsOf(group).keys()]);
    },
  };
}
