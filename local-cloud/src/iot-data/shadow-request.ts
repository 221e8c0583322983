import { isObject, type Json, type JsonObject, member } from './json.ts';
import { ShadowError } from './shadow-error.ts';

/** The sections a shadow has; null in a request deletes the section. */
export const sections = ['desired', 'reported'] as const;
export type Section = (typeof sections)[number];

export interface ShadowUpdate {
  state: { desired?: JsonObject | null; reported?: JsonObject | null };
  /** Refuse the update unless the shadow has this version. */
  version: number | undefined;
  clientToken: string | undefined;
}

export interface ShadowLimits {
  /**
   * Levels of keys below `desired` or `reported`. AWS's pages name 5, 6 and 8; 8 is the newest (AWS General Reference,
   * "Device Shadow service limits").
   */
  maxDepth: number;
  /** Bytes of the state document, metadata not counted. */
  maxStateBytes: number;
}

export const defaultShadowLimits: ShadowLimits = { maxDepth: 8, maxStateBytes: 8192 };

const maxClientTokenBytes = 64;

/** Reads the body of an update request; throws the ShadowError that AWS answers with. */
export function parseShadowUpdate(payload: Uint8Array, limits: ShadowLimits): ShadowUpdate {
  const body = parseBody(payload);
  const clientToken = readClientToken(body);
  const refuse = (message: string): ShadowError => new ShadowError(400, message, clientToken);

  const version = member(body, 'version');
  if (version !== undefined && !(Number.isSafeInteger(version) && Number(version) >= 0)) {
    throw refuse('Invalid version');
  }
  const given = member(body, 'state');
  if (given === undefined) throw refuse('Missing required node: state');
  // `"state": null` empties both sections and keeps the shadow.
  const state = given === null ? { desired: null, reported: null } : given;
  if (!isObject(state)) throw refuse('State node must be an object');
  for (const [key, section] of Object.entries(state)) {
    if (key !== 'desired' && key !== 'reported') throw refuse('State contains an invalid node');
    if (section === null) continue;
    if (!isObject(section)) {
      throw refuse(`${key === 'desired' ? 'Desired' : 'Reported'} node must be an object`);
    }
    checkNodes(section, 0, limits.maxDepth, refuse);
  }
  if (Buffer.byteLength(JSON.stringify(state)) > limits.maxStateBytes) {
    throw new ShadowError(413, 'The payload exceeds the maximum size allowed', clientToken);
  }
  return {
    state: { ...state },
    version: version === undefined ? undefined : Number(version),
    clientToken,
  };
}

/** The client token of a get request, whose body may be empty, or undefined. */
export function parseGetToken(payload: Uint8Array): string | undefined {
  return payload.length === 0 ? undefined : readClientToken(parseBody(payload));
}

/**
 * The client token of a delete request, or undefined: a body without one is ignored, whatever it is (AWS IoT Developer
 * Guide, "Device Shadow MQTT topics", /delete).
 */
export function parseDeleteToken(payload: Uint8Array): string | undefined {
  let body: JsonObject;
  try {
    body = parseBody(payload);
  } catch {
    return undefined;
  }
  return readClientToken(body);
}

function parseBody(payload: Uint8Array): JsonObject {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
  } catch {
    throw new ShadowError(415, 'Unsupported documented encoding; supported encoding is UTF-8');
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ShadowError(400, 'Invalid JSON');
  }
  if (!isObject(body)) throw new ShadowError(400, 'Invalid JSON');
  return body;
}

function readClientToken(body: JsonObject): string | undefined {
  const token = member(body, 'clientToken');
  if (token === undefined) return undefined;
  if (typeof token !== 'string' || Buffer.byteLength(token) > maxClientTokenBytes) {
    throw new ShadowError(400, 'Invalid clientToken');
  }
  return token;
}

/** `depth` counts the levels of keys already passed below the section. */
function checkNodes(
  node: Json,
  depth: number,
  maxDepth: number,
  refuse: (message: string) => ShadowError,
): void {
  if (typeof node !== 'object' || node === null) return;
  const children = Object.values(node);
  if (children.length > 0 && depth >= maxDepth) {
    throw refuse(`JSON contains too many levels of nesting; maximum is ${maxDepth}`);
  }
  if (Array.isArray(node) && node.includes(null)) throw refuse('State contains an invalid node');
  for (const child of children) checkNodes(child, depth + 1, maxDepth, refuse);
}
