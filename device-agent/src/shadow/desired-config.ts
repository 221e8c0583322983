import { desiredConfigSchema, type RunningConfig, runningConfigSchema } from '@aovis/contracts/shadow';
import { type Json, type JsonObject, leavesOf, mergeState } from './state-diff.ts';

/** Why this board cannot take a value that the schema allows; undefined when it can. */
export type RefuseSetting = (key: string, value: Json) => string | undefined;

export interface ConfigVerdict {
  running: RunningConfig;
  /** Refused settings: dotted key → reason. */
  errors: Record<string, string>;
}

/** A report of errors must fit the shadow beside everything else. */
const maxErrors = 16;
const maxKeyLength = 64;
const maxReasonLength = 256;

/**
 * Judges desired settings one by one: valid ones are taken into the running configuration, each other one is refused
 * with a reason and leaves what runs untouched.
 */
export function applyDesired(
  running: RunningConfig,
  desired: JsonObject,
  refuse: RefuseSetting,
): ConfigVerdict {
  let taken: JsonObject = { ...running };
  const errors = new Map<string, string>();
  for (const [path, value] of leavesOf(desired)) {
    const setting = nest(path, value);
    const key = path.join('.');
    const reason = schemaReason(setting) ?? refuse(key, value);
    if (reason === undefined) taken = mergeState(taken, setting);
    else if (errors.size < maxErrors)
      errors.set(key.slice(0, maxKeyLength), reason.slice(0, maxReasonLength));
  }
  return { running: runningConfigSchema.parse(taken), errors: Object.fromEntries(errors) };
}

/** `['a', 'b']`, 1 → `{a: {b: 1}}`. */
function nest(path: readonly string[], value: Json): JsonObject {
  return path.reduceRight<Json>((inner, name) => ({ [name]: inner }), value) as JsonObject;
}

function schemaReason(setting: JsonObject): string | undefined {
  const parsed = desiredConfigSchema.safeParse(setting);
  if (parsed.success) return undefined;
  return parsed.error.issues.map((issue) => issue.message).join('; ');
}
