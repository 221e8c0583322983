import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../kernel/fake-clock.ts';
import { SignalingChannels, stunServers } from './signaling-channels.ts';
import {
  type Answer,
  type RecordedRequest,
  type RecordedService,
  startRecordedService,
  useTestCredentials,
} from './testing/recorded-service.ts';

const channel = 'aovis-webrtc-aovis-n4k-000123';
const arn = `arn:aws:kinesisvideo:eu-central-1:123456789012:channel/${channel}/1573505404491`;
const clientId = 'viewer-7d1f0a52';
const now = new Date('2026-03-01T08:00:00Z');
let service: RecordedService;
let channels: SignalingChannels;
let answers: Record<string, Answer | ((request: RecordedRequest) => Answer)>;

beforeEach(async () => {
  useTestCredentials();
  service = await startRecordedService((request) => {
    const answer = answers[request.path] ?? { status: 500 };
    return typeof answer === 'function' ? answer(request) : answer;
  });
  channels = new SignalingChannels(
    { region: 'eu-central-1', endpoint: service.url },
    new FakeClock(now.toISOString()),
  );
  answers = {
    '/describeSignalingChannel': { body: { ChannelInfo: { ChannelName: channel, ChannelARN: arn } } },
    '/getSignalingChannelEndpoint': () => ({
      body: {
        ResourceEndpointList: [
          { Protocol: 'HTTPS', ResourceEndpoint: service.url },
          { Protocol: 'WSS', ResourceEndpoint: 'wss://v-1234abcd.kinesisvideo.eu-central-1.amazonaws.com' },
        ],
      },
    }),
    '/v1/get-ice-server-config': {
      body: {
        IceServerList: [
          {
            Uris: ['turn:192-0-2-1.t-1234abcd.example:443?transport=udp'],
            Username: 'u',
            Password: 'p',
            Ttl: 300,
          },
          {
            Uris: ['turns:192-0-2-2.t-1234abcd.example:443?transport=tcp'],
            Username: 'v',
            Password: 'q',
            Ttl: 240,
          },
        ],
      },
    },
  };
});
afterEach(async () => {
  channels.close();
  await service.stop();
});
const asked = (): [string, unknown][] => service.requests.map(({ path, body }) => [path, body]);
const found: Answer = { body: { ChannelInfo: { ChannelName: channel, ChannelARN: arn } } };
const missing: Answer = { status: 404, error: 'ResourceNotFoundException' };

describe('an invitation', () => {
  it('is for one viewer and no other role', async () => {
    const { wssUrl, iceServers, expiresAt } = await channels.invite(channel, clientId);
    expect(asked()).toEqual([
      ['/describeSignalingChannel', { ChannelName: channel }],
      [
        '/getSignalingChannelEndpoint',
        {
          ChannelARN: arn,
          SingleMasterChannelEndpointConfiguration: { Protocols: ['WSS', 'HTTPS'], Role: 'VIEWER' },
        },
      ],
      ['/v1/get-ice-server-config', { ChannelARN: arn, ClientId: clientId, Service: 'TURN' }],
    ]);
    const url = new URL(wssUrl);
    expect(url.origin).toBe('wss://v-1234abcd.kinesisvideo.eu-central-1.amazonaws.com');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-ChannelARN': arn,
      'X-Amz-ClientId': clientId,
      'X-Amz-Credential': 'AKIDEXAMPLE/20260301/eu-central-1/kinesisvideo/aws4_request',
      'X-Amz-Date': '20260301T080000Z',
      'X-Amz-Expires': '299',
      'X-Amz-Signature': expect.stringMatching(/^[0-9a-f]{64}$/),
      'X-Amz-SignedHeaders': 'host',
    });
    expect(iceServers).toEqual([
      { urls: ['turn:192-0-2-1.t-1234abcd.example:443?transport=udp'], username: 'u', credential: 'p' },
      { urls: ['turns:192-0-2-2.t-1234abcd.example:443?transport=tcp'], username: 'v', credential: 'q' },
    ]);
    // The second relay's password ends first.
    expect(expiresAt).toEqual(new Date('2026-03-01T08:04:00Z'));
  });

  it('lasts no longer than its address, and does without relays', async () => {
    answers['/v1/get-ice-server-config'] = { body: { IceServerList: [] } };
    expect(await channels.invite(channel, clientId)).toMatchObject({
      iceServers: [],
      expiresAt: new Date('2026-03-01T08:04:59Z'),
    });
  });

  it('makes a channel that is missing', async () => {
    answers['/describeSignalingChannel'] = missing;
    answers['/createSignalingChannel'] = { body: { ChannelARN: arn } };
    const { wssUrl } = await channels.invite(channel, clientId);
    expect(new URL(wssUrl).searchParams.get('X-Amz-ChannelARN')).toBe(arn);
  });

  it.each([
    ['/describeSignalingChannel', { status: 400, error: 'ClientLimitExceededException' }],
    ['/getSignalingChannelEndpoint', missing],
    ['/getSignalingChannelEndpoint', { status: 400, error: 'ResourceInUseException' }],
    ['/v1/get-ice-server-config', { status: 400, error: 'ClientLimitExceededException' }],
  ])('waits when %s answers %j', async (path, answer) => {
    answers[path] = answer;
    await expect(channels.invite(channel, clientId)).rejects.toMatchObject({ code: 'service_unavailable' });
  });

  it('is not made of an answer that lacks an endpoint', async () => {
    answers['/getSignalingChannelEndpoint'] = {
      body: { ResourceEndpointList: [{ Protocol: 'HTTPS', ResourceEndpoint: service.url }] },
    };
    await expect(channels.invite(channel, clientId)).rejects.toThrow('WSS');
  });
});

it('invites to the region’s STUN server when no other endpoint is configured', () => {
  expect(stunServers({ region: 'eu-central-1' })).toEqual([
    { urls: ['stun:stun.kinesisvideo.eu-central-1.amazonaws.com:443'] },
  ]);
  expect(stunServers({ region: 'cn-north-1' })).toEqual([
    { urls: ['stun:stun.kinesisvideo.cn-north-1.amazonaws.com.cn:443'] },
  ]);
  expect(stunServers({ region: 'eu-central-1', endpoint: 'http://127.0.0.1:1' })).toEqual([]);
});

describe('a channel', () => {
  it('that exists is left', async () => {
    await channels.ensureChannel(channel);
    expect(asked()).toEqual([['/describeSignalingChannel', { ChannelName: channel }]]);
  });

  it('that is missing is made', async () => {
    answers['/describeSignalingChannel'] = missing;
    answers['/createSignalingChannel'] = { body: { ChannelARN: arn } };
    await channels.ensureChannel(channel);
    expect(asked().at(-1)).toEqual([
      '/createSignalingChannel',
      { ChannelName: channel, ChannelType: 'SINGLE_MASTER' },
    ]);
  });

  it('that somebody else makes at the same time is taken', async () => {
    const looks = [missing, found];
    answers['/describeSignalingChannel'] = () => looks.shift() ?? { status: 500 };
    answers['/createSignalingChannel'] = { status: 400, error: 'ResourceInUseException' };
    await channels.ensureChannel(channel);
    expect(looks).toEqual([]);
  });

  it('beyond the account’s number of channels is refused as it is: a person must raise the quota', async () => {
    answers['/describeSignalingChannel'] = missing;
    answers['/createSignalingChannel'] = { status: 400, error: 'AccountChannelLimitExceededException' };
    await expect(channels.ensureChannel(channel)).rejects.toMatchObject({
      name: 'AccountChannelLimitExceededException',
    });
  });
});
