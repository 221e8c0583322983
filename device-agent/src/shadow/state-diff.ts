export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json | undefined;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * What a shadow update must carry to turn `from` into `to`: differing leaves with their path, arrays whole, null for
 * what is gone (Developer Guide, "Device Shadow service documents"). Undefined when nothing differs.
 */
export function diffState(from: JsonObject, to: JsonObject): JsonObject | undefined {
  const patch: JsonObject = {};
  for (const [key, value] of Object.entries(to)) {
    if (value === undefined) continue;
    const before = from[key];
    if (isJsonObject(value) && isJsonObject(before)) {
      const inner = diffState(before, value);
      if (inner !== undefined) patch[key] = inner;
    } else if (JSON.stringify(before) !== JSON.stringify(value)) patch[key] = value;
  }
  for (const key of Object.keys(from)) if (to[key] === undefined && from[key] !== null) patch[key] = null;
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** The document after an accepted update: objects merge, null deletes, everything else replaces. */
export function mergeState(state: JsonObject, patch: JsonObject): JsonObject {
  const merged: JsonObject = { ...state };
  for (const [key, value] of Object.entries(patch)) {
    const before = merged[key];
    if (value === null || value === undefined) delete merged[key];
    else if (isJsonObject(value)) merged[key] = mergeState(isJsonObject(before) ? before : {}, value);
    else merged[key] = value;
  }
  return merged;
}

/** Leaves with their path; an empty object counts as a leaf. `{a: {b: 1}}` → `[[['a', 'b'], 1]]`. */
export function leavesOf(state: JsonObject, prefix: readonly string[] = []): [path: string[], value: Json][] {
  return Object.entries(state).flatMap(([name, value]): [string[], Json][] => {
    if (value === undefined) return [];
    const path = [...prefix, name];
    return isJsonObject(value) && Object.keys(value).length > 0 ? leavesOf(value, path) : [[path, value]];
  });
}

/** Dotted keys of the leaves. */
export function leafKeysOf(state: JsonObject): string[] {
  return leavesOf(state).map(([path]) => path.join('.'));
}

/** Whether a leaf of `part` stands in `state` with the same value. */
export function holdsAny(state: JsonObject, part: JsonObject): boolean {
  const held = new Set(leavesOf(state).map((leaf) => JSON.stringify(leaf)));
  return leavesOf(part).some((leaf) => held.has(JSON.stringify(leaf)));
}

/** The leaves of `state` whose dotted key passes, in their places. Undefined when none does. */
export function pickLeaves(
  state: JsonObject,
  passes: (key: string) => boolean,
  prefix = '',
): JsonObject | undefined {
  const picked: JsonObject = {};
  for (const [name, value] of Object.entries(state)) {
    const key = `${prefix}${name}`;
    if (isJsonObject(value)) {
      const inner = pickLeaves(value, passes, `${key}.`);
      if (inner !== undefined) picked[name] = inner;
    } else if (value !== undefined && passes(key)) picked[name] = value;
  }
  return Object.keys(picked).length === 0 ? undefined : picked;
}
