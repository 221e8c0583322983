/** Our own MQTT topics (`aovis/…`) and AWS IoT's reserved ones (`$aws/…`), for one thing. All QoS 1, at most 7 slashes. */

export type BoardTopicKind =
  | 'event'
  | 'telemetry'
  | 'command'
  | 'command_ack'
  | 'binding_challenge'
  | 'binding_proof'
  | 'lwt';

export function eventTopic(thing: string): string {
  return `aovis/${thing}/event`;
}
export function telemetryTopic(thing: string): string {
  return `aovis/${thing}/telemetry`;
}
export function commandTopic(thing: string): string {
  return `aovis/${thing}/command`;
}
export function commandAckTopic(thing: string, commandId: string): string {
  return `aovis/${thing}/command/${commandId}/ack`;
}
export function bindingChallengeTopic(thing: string): string {
  return `aovis/${thing}/binding/challenge`;
}
export function bindingProofTopic(thing: string): string {
  return `aovis/${thing}/binding/proof`;
}
/** Last will and online state; presence events (`$aws/events/presence/…`) are authoritative, this one is a hint. */
export function lwtTopic(thing: string): string {
  return `aovis/${thing}/lwt`;
}

/** The named shadow that carries desired configuration; the classic shadow carries reported state. */
export const configShadow = 'config';

/** The named shadow by which a board learns whether it has an owner, and of each change of owner; see `ownership.ts`. */
export const ownershipShadow = 'ownership';

/**
 * Prefix of a shadow's topics; append `/get`, `/update`, `/delete` and their `/accepted`, `/rejected`, or
 * `/update/delta`, `/update/documents` (AWS IoT Developer Guide, "Device Shadow MQTT topics").
 */
export function shadowTopicPrefix(thing: string, shadowName?: string): string {
  const classic = `$aws/things/${thing}/shadow`;
  return shadowName === undefined ? classic : `${classic}/name/${shadowName}`;
}

/**
 * Prefix of AWS IoT Jobs' topics: `/notify-next`, `/start-next`, `/{jobId}/get`, `/{jobId}/update` and their `/accepted`,
 * `/rejected` (AWS IoT Developer Guide, "Jobs device MQTT API operations").
 */
export function jobsTopicPrefix(thing: string): string {
  return `$aws/things/${thing}/jobs`;
}

const kinds: [RegExp, BoardTopicKind][] = [
  [/^event$/, 'event'],
  [/^telemetry$/, 'telemetry'],
  [/^command$/, 'command'],
  [/^command\/[^/]+\/ack$/, 'command_ack'],
  [/^binding\/challenge$/, 'binding_challenge'],
  [/^binding\/proof$/, 'binding_proof'],
  [/^lwt$/, 'lwt'],
];

/** Which board and which kind of message a topic names; undefined for a topic that is none of ours. */
export function parseBoardTopic(topic: string): { thing: string; kind: BoardTopicKind } | undefined {
  const match = /^aovis\/([^/]+)\/(.+)$/.exec(topic);
  const [, thing, rest] = match ?? [];
  if (thing === undefined || rest === undefined) return undefined;
  const kind = kinds.find(([pattern]) => pattern.test(rest))?.[1];
  return kind === undefined ? undefined : { thing, kind };
}
