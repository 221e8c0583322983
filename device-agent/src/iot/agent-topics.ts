import {
  bindingChallengeTopic,
  bindingProofTopic,
  commandAckTopic,
  commandTopic,
  configShadow,
  eventTopic,
  jobsTopicPrefix,
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
    ...['start-next', '+/get', '+/update'].flatMap((request) =>
      answers(`${jobsTopicPrefix(thing)}/${request}`),
    ),
    `${jobsTopicPrefix(thing)}/notify-next`,
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
    ...['start-next', `${commandId}/get`, `${commandId}/update`].map(
      (request) => `${jobsTopicPrefix(thing)}/${request}`,
    ),
  ];
}

function shadowAnswers(prefix: string): string[] {
  return ['get', 'update'].flatMap((operation) => answers(`${prefix}/${operation}`));
}

function answers(request: string): string[] {
  return [`${request}/accepted`, `${request}/rejected`];
}
