import { isObject, type Json, type JsonObject, member, sameJson } from './json.ts';
import { ShadowError } from './shadow-error.ts';
import { type Section, type ShadowLimits, type ShadowUpdate, sections } from './shadow-request.ts';

/**
 * The rules of a shadow, without storage or transport (AWS IoT Developer Guide, "Device Shadow service documents"). A
 * document is never changed, each update makes a new one; all timestamps are seconds since the epoch.
 */
export interface ShadowDocument {
  state: Partial<Record<Section, JsonObject>>;
  /** Mirrors `state` with `{timestamp}` in place of each leaf; an array has one per element. */
  metadata: Partial<Record<Section, JsonObject>>;
  version: number;
  /** Seconds, of the last accepted update. */
  timestamp: number;
}

/** What an accepted update says to the requester (`accepted`), to devices (`delta`) and to observers (`documents`). */
export interface UpdateResult {
  document: ShadowDocument;
  accepted: JsonObject;
  /** Undefined when desired asks nothing that is not reported. */
  delta: JsonObject | undefined;
  documents: JsonObject;
}

/**
 * Applies an update to `current` (undefined: no shadow yet) as of `timestamp` seconds. `deletedVersion` is the number
 * that a shadow deleted not long ago had: its successor goes on counting from there.
 */
export function applyUpdate(
  current: ShadowDocument | undefined,
  update: ShadowUpdate,
  timestamp: number,
  limits: ShadowLimits,
  deletedVersion = 0,
): UpdateResult {
  const { clientToken } = update;
  const previous = current ?? { state: {}, metadata: {}, version: deletedVersion, timestamp };
  if (update.version !== undefined && update.version !== previous.version) {
    throw new ShadowError(409, 'Version conflict', clientToken);
  }
  const stamps: JsonObject = {};
  const state = { ...previous.state };
  const metadata = { ...previous.metadata };
  for (const section of sections) {
    const patch = update.state[section];
    if (patch === undefined) continue;
    const merged = patch === null ? undefined : mergeState(state[section], patch);
    if (patch !== null) stamps[section] = stampOf(patch, timestamp);
    if (patch === null || merged === undefined || Object.keys(merged).length === 0) {
      delete state[section];
      delete metadata[section];
    } else {
      state[section] = merged;
      metadata[section] = mergeMetadata(metadata[section], patch, timestamp);
    }
  }
  if (Buffer.byteLength(JSON.stringify(state)) > limits.maxStateBytes) {
    throw new ShadowError(413, 'The payload exceeds the maximum size allowed', clientToken);
  }
  const document: ShadowDocument = { state, metadata, version: previous.version + 1, timestamp };
  const token = clientToken === undefined ? {} : { clientToken };
  const delta = deltaOf(document);
  return {
    document,
    accepted: {
      state: { ...update.state },
      metadata: stamps,
      version: document.version,
      timestamp,
      ...token,
    },
    delta: delta && {
      version: document.version,
      timestamp,
      state: delta.state,
      metadata: delta.metadata,
      ...token,
    },
    documents: { previous: snapshot(previous), current: snapshot(document), timestamp, ...token },
  };
}

/** The answer to a get: the document with its difference, where there is one. */
export function viewOf(document: ShadowDocument, now: number, clientToken?: string): JsonObject {
  const delta = deltaOf(document);
  return {
    state: { ...document.state, ...(delta && { delta: delta.state }) },
    metadata: { ...document.metadata, ...(delta && { delta: delta.metadata }) },
    version: document.version,
    timestamp: now,
    ...(clientToken === undefined ? {} : { clientToken }),
  };
}

function snapshot({ state, metadata, version }: ShadowDocument): JsonObject {
  return { state: { ...state }, metadata: { ...metadata }, version };
}

/** Objects merge, null deletes, everything else (arrays too) replaces. */
function mergeState(base: Json | undefined, patch: JsonObject): JsonObject {
  const merged = new Map(isObject(base) ? Object.entries(base) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, isObject(value) ? mergeState(merged.get(key), value) : value);
  }
  // fromEntries defines own members, so that a key named `__proto__` is one like any other.
  return Object.fromEntries(merged);
}

/** Stamps the leaves of the patch; leaves it does not name keep their time. */
function mergeMetadata(base: Json | undefined, patch: JsonObject, timestamp: number): JsonObject {
  const merged = new Map(isObject(base) ? Object.entries(base) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      merged.delete(key);
    } else if (isObject(value)) {
      const below = merged.get(key);
      merged.set(key, mergeMetadata(isLeafStamp(below) ? undefined : below, value, timestamp));
    } else {
      merged.set(key, stampOfValue(value, timestamp));
    }
  }
  return Object.fromEntries(merged);
}

/** A leaf's `{timestamp: number}`; an object with a field of that name has an object there. */
function isLeafStamp(metadata: Json | undefined): boolean {
  return isObject(metadata) && typeof member(metadata, 'timestamp') === 'number';
}

function stampOf(value: JsonObject, timestamp: number): JsonObject {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, child]) => child !== null)
      .map(([key, child]) => [key, stampOfValue(child, timestamp)]),
  );
}

function stampOfValue(value: Json, timestamp: number): Json {
  if (Array.isArray(value)) return value.map((item) => stampOfValue(item, timestamp));
  return isObject(value) ? stampOf(value, timestamp) : { timestamp };
}

/** What is desired and not reported, each leaf with its full path and its metadata; undefined for no difference. */
function deltaOf({
  state,
  metadata,
}: ShadowDocument): { state: JsonObject; metadata: JsonObject } | undefined {
  if (state.desired === undefined) return undefined;
  const difference = differenceOf(state.desired, state.reported ?? {});
  if (difference === undefined) return undefined;
  return { state: difference, metadata: pick(metadata.desired ?? {}, difference) };
}

function differenceOf(desired: JsonObject, reported: JsonObject): JsonObject | undefined {
  const entries: [string, Json][] = [];
  for (const [key, wanted] of Object.entries(desired)) {
    const actual = member(reported, key);
    if (actual === undefined) {
      entries.push([key, wanted]);
    } else if (isObject(wanted) && isObject(actual)) {
      const below = differenceOf(wanted, actual);
      if (below !== undefined) entries.push([key, below]);
    } else if (!sameJson(wanted, actual)) {
      entries.push([key, wanted]);
    }
  }
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** The metadata of the fields that `shape` names. */
function pick(metadata: JsonObject, shape: JsonObject): JsonObject {
  const entries: [string, Json][] = [];
  for (const [key, value] of Object.entries(shape)) {
    const found = member(metadata, key);
    if (found === undefined) continue;
    entries.push([key, isObject(value) && isObject(found) ? pick(found, value) : found]);
  }
  return Object.fromEntries(entries);
}
