import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { agentFilters, agentTopics } from '@aovis/device-agent/iot/agent-topics';
import { evaluatePolicies } from '@aovis/local-cloud/iot-broker/iot-policy';
import type { PolicyDocument } from '@aovis/local-cloud/iot-core/registry';
import { Iam, roleSchema } from '@aovis/local-cloud/kernel/iam';
import { Store } from '@aovis/local-cloud/kernel/store';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readPolicy } from './cloud-setup.ts';

const place = { region: 'ap-southeast-1', accountId: '123456789012' };
const own = 'aovis-n4k-000123';
const other = 'aovis-n4k-000124';
const commandId = '01KA0000000000000000000001';

/** The policies of a board, by local-cloud's evaluators, which know nothing of them. */
describe('the IoT policy of a board', () => {
  const text = readPolicy('board-policy.json', place);
  const policy = JSON.parse(text) as PolicyDocument;
  const arn = (resource: string): string => `arn:aws:iot:${place.region}:${place.accountId}:${resource}`;
  const asked = (action: string, resource: string, thing = own): string =>
    evaluatePolicies([policy], action, arn(resource), { 'iot:Connection.Thing.ThingName': thing });

  // Each partition with the longest name of a region it has (AWS General Reference, endpoints of IoT Core); account ids have 12 digits.
  it.each([
    ['aws', 'ap-southeast-1'],
    ['aws-us-gov', 'us-gov-west-1'],
    ['aws-cn', 'cn-northwest-1'],
    ['aws-eusc', 'eusc-de-east-1'],
  ])('fits what AWS takes, 2,048 characters without white space, in %s', (partition, region) => {
    const there = readPolicy('board-policy.json', { ...place, region });
    const characters = there.replaceAll('arn:aws:', `arn:${partition}:`).replace(/\s/g, '').length;
    expect(characters).toBeLessThanOrEqual(2_048);
  });

  it.each(agentTopics(own, commandId))(
    'allows to publish %s, and the same of another board to nobody',
    (topic) => {
      expect(asked('iot:Publish', `topic/${topic}`)).toBe('allowed');
      expect(asked('iot:Publish', `topic/${topic.replace(own, other)}`)).toBe('implicit-deny');
      expect(
        asked('iot:Subscribe', `topicfilter/${topic}`.replace('/shadow/', '/x/').replace('/jobs/', '/x/')),
      ).toBe('implicit-deny');
    },
  );

  it.each(agentFilters(own))('allows to subscribe to %s and to receive it, not another board’s', (filter) => {
    const topic = filter.replace('+', commandId);
    expect(asked('iot:Subscribe', `topicfilter/${filter}`)).toBe('allowed');
    expect(asked('iot:Receive', `topic/${topic}`)).toBe('allowed');
    expect(asked('iot:Subscribe', `topicfilter/${filter.replace(own, other)}`)).toBe('implicit-deny');
    expect(asked('iot:Receive', `topic/${topic.replace(own, other)}`)).toBe('implicit-deny');
  });

  it('allows to connect as itself, and the role alias', () => {
    expect(asked('iot:Connect', `client/${own}`)).toBe('allowed');
    expect(asked('iot:AssumeRoleWithCertificate', 'rolealias/aovis-board-video')).toBe('allowed');
  });

  it.each([
    ['iot:Connect', `client/${other}`],
    ['iot:Connect', `client/${own}-2`],
    ['iot:AssumeRoleWithCertificate', 'rolealias/another'],
    ['iot:Publish', `topic/aovis/${own}/command`],
    ['iot:Publish', `topic/aovis/${own}/binding/challenge`],
    ['iot:Publish', `topic/$aws/things/${own}/shadow/delete`],
    ['iot:Publish', `topic/$aws/things/${own}/shadow/name/ownership/delete`],
    ['iot:Publish', 'topic/$aws/rules/any/x'],
    ['iot:RetainPublish', `topic/aovis/${own}/lwt`],
    ['iot:Subscribe', 'topicfilter/#'],
    ['iot:Subscribe', 'topicfilter/aovis/+/event'],
    ['iot:Subscribe', `topicfilter/aovis/${own}/#`],
    ['iot:Subscribe', 'topicfilter/$aws/things/+/shadow/#'],
    ['iot:Subscribe', 'topicfilter/$aws/events/presence/connected/+'],
    ['iot:UpdateThingShadow', `thing/${own}`],
  ])('does not allow %s on %s', (action, resource) => {
    expect(asked(action, resource)).toBe('implicit-deny');
  });

  it('allows nothing to a certificate without a thing', () => {
    expect(evaluatePolicies([policy], 'iot:Connect', arn(`client/${own}`), {})).toBe('implicit-deny');
  });
});

describe('the role of a board', () => {
  let store: Store;
  let iam: Iam;

  beforeEach(() => {
    store = new Store(':memory:');
    iam = new Iam(store, place.accountId);
    iam.putRole(
      roleSchema.parse({
        roleName: 'board',
        trust: JSON.parse(readPolicy('board-role-trust.json', place)),
        policyDocument: JSON.parse(readPolicy('board-role.json', place)),
      }),
    );
  });

  afterEach(() => store.close());

  function allows(action: string, resource: string, attached = true): boolean {
    const arn = `arn:aws:kinesisvideo:${place.region}:${place.accountId}:${resource}`;
    const thingName = attached ? own : undefined;
    const board = {
      kind: 'role',
      accessKeyId: 'x',
      roleName: 'board',
      certificateId: 'ab',
      thingName,
    } as const;
    try {
      iam.authorize(board, `kinesisvideo:${action}`, arn);
      return true;
    } catch {
      return false;
    }
  }

  const stream = (thing: string): string => `stream/aovis-stream-${thing}/1795000000000`;
  const channel = (thing: string): string => `channel/aovis-webrtc-${thing}/1795000000000`;

  it.each(['GetDataEndpoint', 'PutMedia', 'ListFragments'])(
    'lets it %s of its own stream alone',
    (action) => {
      expect(allows(action, stream(own))).toBe(true);
      expect(allows(action, stream(other))).toBe(false);
      expect(allows(action, stream(`${own}4`))).toBe(false);
      expect(allows(action, stream(own), false)).toBe(false);
    },
  );

  it.each([
    'DescribeSignalingChannel',
    'GetSignalingChannelEndpoint',
    'GetIceServerConfig',
    'ConnectAsMaster',
  ])('lets it %s of its own channel alone', (action) => {
    expect(allows(action, channel(own))).toBe(true);
    expect(allows(action, channel(other))).toBe(false);
  });

  it.each([
    ['GetMedia', stream(own)],
    ['GetHLSStreamingSessionURL', stream(own)],
    ['GetClip', stream(own)],
    ['DeleteStream', stream(own)],
    ['CreateStream', stream(own)],
    ['UpdateDataRetention', stream(own)],
    ['ConnectAsViewer', channel(own)],
    ['DeleteSignalingChannel', channel(own)],
  ])('does not let it %s', (action, resource) => {
    expect(allows(action, resource)).toBe(false);
  });

  it('may be assumed by the credential provider alone', () => {
    expect(iam.findRole('board')?.trust).toEqual(['credentials.iot.amazonaws.com']);
  });
});

it('there is no policy that this does not look at', () => {
  const files = readdirSync(join(import.meta.dirname, '../../device-agent/policies'));
  expect(files.sort()).toEqual([
    'README.md',
    'board-policy.json',
    'board-role-trust.json',
    'board-role.json',
  ]);
});
