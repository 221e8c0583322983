import {
  bindingChallengeTopic,
  bindingProofTopic,
  commandAckTopic,
  commandTopic,
  configShadow,
  eventTopic,
  lwtTopic,
  ownershipShadow,
  shadowTopicPrefix,
  telemetryTopic,
} from '@aovis/contracts/topics';

/** Every filter the agent subscribes to; the policy of a board must allow them, and no others. */
export function agentFilters(thing: string): string[] {
  return [
    ...shadowAnswers(shadowTopicPrefix(thing)),
    ...[configShadow, ownershipShadow].flatMap((name) => {
      const prefix = shadowTopicPrefix(thing, name);
      return [...shadowAnswers(prefix), `${prefix}/update/delta`];
    }),
    commandTopic(thing),
    bindingChallengeTopic(thing),
  ];
}

/** Every topic the agent publishes to. */
export function agentTopics(thing: string, commandId: string): string[] {
  const prefixes = [
    shadowTopicPrefix(thing),
    shadowTopicPrefix(thing, configShadow),
    shadowTopicPrefix(thing, ownershipShadow),
  ];
  return [
    ...prefixes.flatMap((prefix) => [`${prefix}/get`, `${prefix}/update`]),
    eventTopic(thing),
    telemetryTopic(thing),
    lwtTopic(thing),
    commandAckTopic(thing, commandId),
    bindingProofTopic(thing),
  ];
}

function shadowAnswers(prefix: string): string[] {
  return ['get', 'update'].flatMap((operation) => [
    `${prefix}/${operation}/accepted`,
    `${prefix}/${operation}/rejected`,
  ]);
}
