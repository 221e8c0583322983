import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { alreadyExists, invalidRequest, notFound } from './errors.ts';
import type { IotState, StoredThingType } from './state.ts';

/** AWS IoT Developer Guide, "Delete a thing type": five minutes after deprecation at the earliest. */
const deprecationMs = 5 * 60_000;

export interface ThingTypeProperties {
  thingTypeDescription?: string | undefined;
  searchableAttributes?: string[] | undefined;
}

export class ThingTypes {
  readonly #state: IotState;

  constructor(state: IotState) {
    this.#state = state;
  }

  create(thingTypeName: string, properties: ThingTypeProperties): StoredThingType {
    const existing = this.#state.thingTypes.get(thingTypeName);
    if (existing !== undefined) {
      if (isDeepStrictEqual(propertiesOf(existing), present(properties))) return existing;
      throw alreadyExists(
        `Thing type ${thingTypeName} already exists in account with different properties`,
        existing.thingTypeId,
        existing.thingTypeArn,
      );
    }
    const type: StoredThingType = {
      thingTypeName,
      thingTypeArn: this.#state.arn('thingtype', thingTypeName),
      thingTypeId: randomUUID(),
      ...present(properties),
      createdAt: this.#state.clock.now(),
    };
    this.#state.thingTypes.put(thingTypeName, type);
    return type;
  }

  get(thingTypeName: string): StoredThingType {
    const type = this.#state.thingTypes.get(thingTypeName);
    if (type === undefined) throw notFound(`Thing type ${thingTypeName} was not found`);
    return type;
  }

  list(thingTypeName: string | undefined): StoredThingType[] {
    return [...this.#state.thingTypes.values()].filter(
      (type) => thingTypeName === undefined || type.thingTypeName === thingTypeName,
    );
  }

  update(thingTypeName: string, properties: ThingTypeProperties): void {
    this.#state.thingTypes.put(thingTypeName, { ...this.get(thingTypeName), ...present(properties) });
  }

  deprecate(thingTypeName: string, undo: boolean): void {
    const { deprecatedAt: _before, ...type } = this.get(thingTypeName);
    this.#state.thingTypes.put(
      thingTypeName,
      undo ? type : { ...type, deprecatedAt: this.#state.clock.now() },
    );
  }

  delete(thingTypeName: string): void {
    const { deprecatedAt } = this.get(thingTypeName);
    if (deprecatedAt === undefined || this.#state.clock.now() - deprecatedAt < deprecationMs)
      throw invalidRequest(
        `Thing type ${thingTypeName} must be deprecated for at least five minutes before it is deleted`,
      );
    const user = [...this.#state.things.values()].find((thing) => thing.thingTypeName === thingTypeName);
    if (user !== undefined)
      throw invalidRequest(`Thing type ${thingTypeName} is still used by thing ${user.thingName}`);
    this.#state.thingTypes.delete(thingTypeName);
  }
}

/** The properties in the wire's shape. */
export function propertiesOf(
  type: StoredThingType,
): Pick<StoredThingType, 'thingTypeDescription' | 'searchableAttributes'> {
  return present(type);
}

function present(
  properties: ThingTypeProperties,
): Pick<StoredThingType, 'thingTypeDescription' | 'searchableAttributes'> {
  const { thingTypeDescription, searchableAttributes } = properties;
  return {
    ...(thingTypeDescription === undefined ? {} : { thingTypeDescription }),
    ...(searchableAttributes === undefined ? {} : { searchableAttributes }),
  };
}
