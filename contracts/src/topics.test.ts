import { expect, it } from '@jest/globals';
import {
  bindingChallengeTopic,
  bindingProofTopic,
  commandAckTopic,
  commandTopic,
  configShadow,
  eventTopic,
  lwtTopic,
  parseBoardTopic,
  shadowTopicPrefix,
  telemetryTopic,
} from './topics.ts';

const thing = 'aovis-n4k-000123';
const id = '01ARZ3NDEKTSV4RRFFQ69G5FAV';

const topics = [
  [eventTopic(thing), 'event'],
  [telemetryTopic(thing), 'telemetry'],
  [commandTopic(thing), 'command'],
  [commandAckTopic(thing, id), 'command_ack'],
  [bindingChallengeTopic(thing), 'binding_challenge'],
  [bindingProofTopic(thing), 'binding_proof'],
  [lwtTopic(thing), 'lwt'],
] as const;

it.each(topics)('%s is read back as %s', (topic, kind) => {
  expect(parseBoardTopic(topic)).toEqual({ thing, kind });
});

it.each([
  '',
  'aovis',
  'aovis/',
  `aovis/${thing}`,
  `aovis/${thing}/`,
  `aovis/${thing}/eventful`,
  `x/${thing}/event`,
])('«%s» is none of ours', (topic) => {
  expect(parseBoardTopic(topic)).toBeUndefined();
});

it.each([`aovis/${thing}/command//ack`, `aovis/${thing}/command/a/b/ack`, `aovis/${thing}/event/x`])(
  '«%s» is no message of a board',
  (topic) => {
    expect(parseBoardTopic(topic)).toBeUndefined();
  },
);

it('stays within the limits of AWS IoT Core: 7 slashes, 256 bytes', () => {
  const longest = [
    ...topics.map(([topic]) => topic),
    `${shadowTopicPrefix(thing)}/update/documents`,
    `${shadowTopicPrefix(thing, configShadow)}/update/documents`,
  ];
  for (const topic of longest) {
    expect(topic.split('/').length - 1).toBeLessThanOrEqual(7);
    expect(Buffer.byteLength(topic)).toBeLessThanOrEqual(256);
  }
});

it('names shadows as the Developer Guide does', () => {
  expect(shadowTopicPrefix('T')).toBe('$aws/things/T/shadow');
  expect(shadowTopicPrefix('T', 'config')).toBe('$aws/things/T/shadow/name/config');
});
