import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '../../host/logger.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { until } from '../../testing/until.ts';
import { channelArn, SignalingService } from '../testing/signaling-service.ts';
import { ChannelClient } from './channel-client.ts';
import { Signaling } from './signaling.ts';

const logger = createLogger({ level: 'silent' });
const signal = new AbortController().signal;

describe('the master of a signaling channel', () => {
  let clock: FakeClock;
  let service: SignalingService;
  let signaling: Signaling;
  let heard: string[];
  let forgotten: number;

  beforeEach(async () => {
    clock = new FakeClock();
    service = await SignalingService.start();
    heard = [];
    forgotten = 0;
    const credentials = {
      get: () =>
        Promise.resolve({
          accessKeyId: 'A',
          secretAccessKey: 's',
          sessionToken: 'secret-token',
          expiresAt: new Date(0),
        }),
      forget: () => {
        forgotten += 1;
      },
    };
    const common = { region: 'eu-central-1', credentials, clock, userAgent: 'test' };
    signaling = new Signaling({
      ...common,
      channel: new ChannelClient({
        ...common,
        channelName: 'aovis-webrtc-x',
        endpoint: service.url,
        stunServers: [{ urls: ['stun:stun.example:443'] }],
      }),
      logger,
      random: () => 0.5,
      newCorrelationId: () => 'c',
      onMessage: ({ type, clientId }) => heard.push(`${type} of ${clientId}`),
      onIceServersChanged: () => heard.push('other relays'),
    });
  });
  afterEach(async () => {
    await signaling.stop();
    await service.stop();
  });

  const connect = async (): Promise<void> => {
    signaling.start();
    await service.untilConnected();
    await until(() => signaling.problem === undefined);
  };
  /** Until it waits before it tries again; then lets that time pass. */
  const tryAgain = async (ms = 60_000): Promise<void> => {
    await until(() => signaling.problem !== undefined);
    await clock.untilPending();
    await clock.advance(ms);
  };

  it('finds its channel and connects with a signed address', async () => {
    await connect();
    expect(service.calls).toEqual(['/describeSignalingChannel', '/getSignalingChannelEndpoint']);
    expect(service.bodies).toEqual([
      { ChannelName: 'aovis-webrtc-x' },
      {
        ChannelARN: channelArn,
        SingleMasterChannelEndpointConfiguration: { Protocols: ['WSS', 'HTTPS'], Role: 'MASTER' },
      },
    ]);
    const [query] = service.handshakes;
    expect(query?.get('X-Amz-ChannelARN')).toBe(channelArn);
    expect(query?.get('X-Amz-ClientId')).toBeNull();
    expect(query?.get('X-Amz-Security-Token')).toBe('secret-token');
  });

  it('hears viewers and answers them', async () => {
    await connect();
    service.say('SDP_OFFER', { type: 'offer', sdp: 'v=0' }, 'viewer-1');
    await until(() => heard.length === 1);
    signaling.send({ action: 'SDP_ANSWER', clientId: 'viewer-1', payload: { type: 'answer', sdp: 'x' } });
    await until(() => service.frames.length === 1);
    expect(heard).toEqual(['offer of viewer-1']);
    expect(service.frames).toEqual([
      { action: 'SDP_ANSWER', recipientClientId: 'viewer-1', payload: { type: 'answer', sdp: 'x' } },
    ]);
  });

  it('opens the next connection before it leaves the old one when it is asked to go away', async () => {
    await connect();
    await clock.advance(5_000);
    service.say('GO_AWAY');
    await service.untilConnected(2);
    await until(() => service.connections === 1);
    expect(signaling.problem).toBeUndefined();
    expect(service.calls.filter((path) => path === '/describeSignalingChannel')).toHaveLength(1);
    signaling.send({ action: 'ICE_CANDIDATE', clientId: 'v', payload: {} });
    await until(() => service.frames.length === 1);
  });

  it('waits when it is asked to go away again and again', async () => {
    await connect();
    service.say('GO_AWAY');
    await clock.untilPending();
    await until(() => clock.pending.some((ms) => ms === 500));
    expect(service.handshakes).toHaveLength(1);
    await clock.advance(500);
    await service.untilConnected(2);
  });

  it.each(['close', 'terminate'] as const)('comes back when the connection ends by %s', async (how) => {
    await connect();
    service.cut(how);
    await tryAgain();
    await service.untilConnected(2);
    await until(() => signaling.problem === undefined);
  });

  it('sends after the reconnection what could not be sent before', async () => {
    await connect();
    service.cut();
    await until(() => signaling.problem !== undefined);
    signaling.send({ action: 'ICE_CANDIDATE', clientId: 'v', payload: {} });
    await tryAgain(1_000);
    await until(() => service.frames.length === 1);
  });

  it('notices a connection that is dead without a word', async () => {
    service.answersPings = false;
    await connect();
    await clock.advance(60_000);
    expect(signaling.problem).toBeUndefined();
    await clock.advance(60_000);
    service.answersPings = true;
    await tryAgain();
    await service.untilConnected(2);
  });

  it.each([
    ['/describeSignalingChannel', 404, 'ResourceNotFoundException', /no channel for this board yet/],
    [
      '/getSignalingChannelEndpoint',
      401,
      'NotAuthorizedException',
      /allow kinesisvideo:DescribeSignalingChannel/,
    ],
    ['/', 403, 'AccessDeniedException', /allow kinesisvideo:DescribeSignalingChannel.*ConnectAsMaster/],
    ['/', 403, 'InvalidSignatureException', /check the clock of the board/],
    ['/', 400, 'ClientLimitExceededException', /the agent waits/],
  ])(
    'says what to do when %s is refused with %d %s, and comes back',
    async (path, status, exception, words) => {
      service.refuse(path, status, exception);
      signaling.start();
      await until(() => signaling.problem?.match(words) !== null);
      expect(signaling.problem).not.toContain('secret-token');
      await tryAgain();
      await service.untilConnected();
      await until(() => signaling.problem === undefined);
    },
  );

  it('gets new credentials when the old ones are not accepted any more', async () => {
    service.refuse('/', 403, 'ExpiredTokenException');
    signaling.start();
    await tryAgain();
    await service.untilConnected(2);
    expect(forgotten).toBe(1);
  });

  it('looks for its channel anew when it was deleted', async () => {
    await connect();
    service.refuse('/getSignalingChannelEndpoint', 404, 'ResourceNotFoundException');
    service.cut();
    await tryAgain();
    await tryAgain();
    await service.untilConnected(2);
    expect(service.calls.filter((path) => path === '/describeSignalingChannel')).toHaveLength(2);
  });

  it('waits longer each time, up to a minute', async () => {
    for (let i = 0; i < 9; i++) service.refuse('/describeSignalingChannel', 500, 'InternalFailure');
    signaling.start();
    const waits: number[] = [];
    for (let i = 1; i <= 9; i++) {
      await until(() => service.calls.length === i && clock.pending.length === 1);
      waits.push(clock.pending[0] ?? 0);
      await clock.advance(60_000);
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  describe('relays', () => {
    const ask = () => signaling.iceServers(signal);

    it('are the region’s STUN server and what the service lists, asked for once while the passwords last', async () => {
      await connect();
      const servers = await ask();
      expect(servers).toEqual([
        { urls: ['stun:stun.example:443'] },
        { urls: ['turn:127.0.0.1:1?transport=udp'], username: 'u', credential: 'p' },
      ]);
      await clock.advance(239_000);
      expect(await ask()).toEqual(servers);
      await clock.advance(2_000);
      expect((await ask())[1]?.urls).toEqual(['turn:127.0.0.1:2?transport=udp']);
    });

    it('are asked for anew when the service says that they go away', async () => {
      await connect();
      await ask();
      service.say('RECONNECT_ICE_SERVER');
      await until(() => heard.includes('other relays'));
      expect((await ask())[1]?.urls).toEqual(['turn:127.0.0.1:2?transport=udp']);
    });

    it('are done without when they cannot be had', async () => {
      await connect();
      service.refuse('/v1/get-ice-server-config', 400, 'ClientLimitExceededException');
      expect(await ask()).toEqual([]);
      expect(await ask()).toHaveLength(2);
    });

    it('are done without before there is a channel', async () => {
      expect(await ask()).toEqual([]);
    });
  });
});
