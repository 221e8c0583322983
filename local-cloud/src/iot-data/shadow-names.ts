import type { ShadowId } from './shadows.ts';

/** AWS IoT Developer Guide, "Device Shadow service": what things and shadows may be called. */
const thingPattern = /^[a-zA-Z0-9:_-]{1,128}$/;
const shadowPattern = /^[$a-zA-Z0-9:_-]{1,64}$/;

export function isShadowId({ thingName, shadowName }: ShadowId): boolean {
  return thingPattern.test(thingName) && (shadowName === undefined || shadowPattern.test(shadowName));
}

/** `$aws/things/T/shadow`, or `$aws/things/T/shadow/name/S`. */
export function topicPrefixOf({ thingName, shadowName }: ShadowId): string {
  const classic = `$aws/things/${thingName}/shadow`;
  return shadowName === undefined ? classic : `${classic}/name/${shadowName}`;
}

/** The shadow and the operation that a request's topic names; undefined for any other topic. */
export function parseRequestTopic(
  topic: string,
): { id: ShadowId; operation: 'get' | 'update' | 'delete' } | undefined {
  const [, thingName, shadowName, operation] =
    /^\$aws\/things\/([^/]+)\/shadow(?:\/name\/([^/]+))?\/(get|update|delete)$/.exec(topic) ?? [];
  if (thingName === undefined) return undefined;
  if (operation !== 'get' && operation !== 'update' && operation !== 'delete') return undefined;
  return { id: { thingName, shadowName }, operation };
}
