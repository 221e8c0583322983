import { once } from 'node:events';
import { DeleteSignalingChannelCommand } from '@aws-sdk/client-kinesis-video';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { callAdmin } from '../kernel/testing/call-admin.ts';
import { accountKey } from '../kernel/testing/test-environment.ts';
import { SignalingCloud } from './testing/signaling-cloud.ts';
import { SignalingPeer, signedUrl } from './testing/signaling-peer.ts';

const own = 'aovis-webrtc-aovis-n4k-000001';
let cloud: SignalingCloud;
let channelArn: string;

async function start(limits = {}): Promise<void> {
  cloud = await SignalingCloud.start(limits);
  channelArn = await cloud.createChannel(own);
}
afterEach(() => cloud.stop());

describe('what peers say to each other', () => {
  beforeEach(() => start());

  it('carries offer, answer and candidates between a master and a viewer', async () => {
    const master = await cloud.connect(channelArn);
    const viewer = await cloud.connect(channelArn, 'viewer-1');
    const offer = Buffer.from('{"type":"offer","sdp":"v=0"}').toString('base64');
    viewer.send({ action: 'SDP_OFFER', messagePayload: offer, recipientClientId: 'ignored' });
    expect(await master.event()).toEqual({
      messageType: 'SDP_OFFER',
      messagePayload: offer,
      senderClientId: 'viewer-1',
    });
    const answer = Buffer.from('{"type":"answer","sdp":"v=0"}').toString('base64');
    master.send({ action: 'SDP_ANSWER', messagePayload: answer, recipientClientId: 'viewer-1' });
    expect(await viewer.event()).toEqual({ messageType: 'SDP_ANSWER', messagePayload: answer });
    viewer.sendPayload('ICE_CANDIDATE', { candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 });
    expect(await master.event()).toMatchObject({ messageType: 'ICE_CANDIDATE', senderClientId: 'viewer-1' });
  });

  it('keeps the viewers of a master apart', async () => {
    const master = await cloud.connect(channelArn);
    const [first, second] = [await cloud.connect(channelArn, 'a'), await cloud.connect(channelArn, 'b')];
    master.sendPayload('SDP_OFFER', { to: 'b' }, { recipientClientId: 'b' });
    master.sendPayload('SDP_OFFER', { to: 'a' }, { recipientClientId: 'a' });
    const read = async (peer: SignalingPeer): Promise<unknown> =>
      JSON.parse(Buffer.from((await peer.event()).messagePayload ?? '', 'base64').toString());
    expect(await read(first)).toEqual({ to: 'a' });
    expect(await read(second)).toEqual({ to: 'b' });
  });

  it("reads keys with capitals, as AWS's C client writes them", async () => {
    const master = await cloud.connect(channelArn);
    const viewer = await cloud.connect(channelArn, 'viewer-1');
    master.send({
      action: 'SDP_ANSWER',
      RecipientClientId: 'viewer-1',
      MessagePayload: 'e30=',
      CorrelationId: 'c1',
    });
    expect(await viewer.event()).toEqual({ messageType: 'SDP_ANSWER', messagePayload: 'e30=' });
  });

  it('keeps messages for a peer who is not there yet; of offers the latest', async () => {
    const viewer = await cloud.connect(channelArn, 'viewer-1');
    for (const sdp of ['old', 'new']) viewer.sendPayload('SDP_OFFER', { sdp });
    for (const candidate of ['1', '2']) viewer.sendPayload('ICE_CANDIDATE', { candidate });
    // Frames of a connection are served in order: the refusal of this one says that those before it were.
    viewer.send({ action: 'WHAT', correlationId: 'last' });
    await viewer.event();
    const master = await cloud.connect(channelArn);
    const events = [await master.event(), await master.event(), await master.event()];
    expect(events.map(({ messagePayload = '' }) => Buffer.from(messagePayload, 'base64').toString())).toEqual(
      ['{"sdp":"new"}', '{"candidate":"1"}', '{"candidate":"2"}'],
    );
  });

  it("forgets them when the channel's message TTL is over", async () => {
    const viewer = await cloud.connect(channelArn, 'viewer-1');
    viewer.sendPayload('SDP_OFFER', { sdp: 'too late' });
    viewer.send({ action: 'WHAT', correlationId: 'last' });
    await viewer.event();
    cloud.environment.clock.shift(61_000);
    const master = await cloud.connect(channelArn);
    viewer.sendPayload('SDP_OFFER', { sdp: 'in time' });
    const { messagePayload = '' } = await master.event();
    expect(Buffer.from(messagePayload, 'base64').toString()).toBe('{"sdp":"in time"}');
  });

  it('tells a sender what was wrong when the message had a correlation id', async () => {
    const master = await cloud.connect(channelArn);
    const send = async (message: object) => {
      master.send({ correlationId: 'c-1', ...message });
      return (await master.event()).statusResponse;
    };
    const invalid = { correlationId: 'c-1', errorType: 'InvalidArgumentException', statusCode: '400' };
    const payload = { messagePayload: 'e30=' };
    expect(await send({ action: 'SDP_ANSWER', ...payload })).toMatchObject({
      ...invalid,
      description: expect.stringContaining('recipientClientId'),
    });
    for (const message of [
      { action: 'GO_AWAY', recipientClientId: 'a', ...payload },
      { action: 'SDP_ANSWER', recipientClientId: 'a' },
      { action: 'SDP_ANSWER', recipientClientId: 'no blanks', ...payload },
      { action: 'SDP_ANSWER', recipientClientId: 'a', messagePayload: 'A'.repeat(10_241) },
    ])
      expect(await send(message)).toMatchObject(invalid);
    // Without one it stays silent, and the connection open.
    for (const text of ['', 'no JSON', '[]', '{"action":"WHAT"}', '\u0000']) master.socket.send(text);
    expect(await send({ action: 'WHAT' })).toMatchObject(invalid);
  });

  it('takes five descriptions and twenty candidates a second from a connection', async () => {
    const now = Date.now();
    cloud.environment.clock.now = () => now;
    const viewer = await cloud.connect(channelArn, 'viewer-1');
    for (const [action, limit] of [
      ['SDP_OFFER', 5],
      ['ICE_CANDIDATE', 20],
    ] as const) {
      for (let i = 0; i <= limit; i += 1) viewer.sendPayload(action, {}, { correlationId: `c-${i}` });
      expect((await viewer.event()).statusResponse).toMatchObject({
        correlationId: `c-${limit}`,
        errorType: 'ClientLimitExceededException',
      });
    }
  });
});

describe('who may connect', () => {
  beforeEach(() => start());

  it('a board to its own channel, as master', async () => {
    const key = cloud.boardKey('aovis-n4k-000001');
    const board = await cloud.connect(channelArn, undefined, key);
    const viewer = await cloud.connect(channelArn, 'viewer-1');
    viewer.sendPayload('SDP_OFFER', {});
    expect((await board.event()).messageType).toBe('SDP_OFFER');
    const other = await cloud.createChannel('aovis-webrtc-aovis-n4k-000002');
    await expect(cloud.connect(other, undefined, key)).rejects.toThrow('403 AccessDeniedException');
    await expect(cloud.connect(channelArn, 'viewer-2', key)).rejects.toThrow('403 AccessDeniedException');
    cloud.environment.accessKeys.expireTemporary(cloud.environment.clock.now());
    await expect(cloud.connect(channelArn, undefined, key)).rejects.toThrow('403 ExpiredTokenException');
  });

  it('nobody with a signature that is wrong, old or valid for long', async () => {
    const endpoint = await cloud.endpoint(channelArn, 'WSS');
    const common = { endpoint, region: cloud.environment.region, channelArn, key: accountKey };
    const open = async (more: object) => SignalingPeer.open(await signedUrl({ ...common, ...more }));
    const wrongKey = { ...accountKey, secretAccessKey: 'wrong' };
    await expect(open({ key: wrongKey })).rejects.toThrow('403 InvalidSignatureException');
    const at = new Date(Date.now() - 300_000);
    await expect(open({ at })).rejects.toThrow('403 InvalidSignatureException');
    await expect(open({ expiresSeconds: 3600 })).rejects.toThrow('400 InvalidArgumentException');
    const url = await signedUrl({ ...common, clientId: 'viewer-1' });
    const forged = SignalingPeer.open(url.replace('viewer-1', 'viewer-2'));
    await expect(forged).rejects.toThrow('403 InvalidSignatureException');
    await expect(SignalingPeer.open(endpoint)).rejects.toThrow('403 MissingAuthenticationTokenException');
  });

  it('nobody to a channel that is not there, and no client id of AWS', async () => {
    const endpoint = await cloud.endpoint(channelArn, 'WSS');
    const { region } = cloud.environment;
    const open = async (arn: string, clientId?: string) =>
      SignalingPeer.open(await signedUrl({ endpoint, region, channelArn: arn, clientId, key: accountKey }));
    await expect(open(`${channelArn}0`)).rejects.toThrow('404 ResourceNotFoundException');
    await expect(open(channelArn, 'AWS_1')).rejects.toThrow('400 InvalidArgumentException');
    await expect(open('no ARN')).rejects.toThrow('400 InvalidArgumentException');
  });

  it('one master and one viewer of a name: the newer connection takes over', async () => {
    for (const clientId of [undefined, 'viewer-1']) {
      const earlier = await cloud.connect(channelArn, clientId);
      const ended = earlier.closed();
      await cloud.connect(channelArn, clientId);
      expect(await ended).toBe(1001);
    }
    const told = await callAdmin<{ channels: { peers: object[] }[] }>(
      cloud.signaling,
      'GET',
      '/_local/kinesis-signaling',
    );
    expect(told.channels[0]?.peers).toHaveLength(2);
  });

  it('ten viewers, three attempts a second', async () => {
    const now = Date.now();
    cloud.environment.clock.now = () => now;
    for (let i = 0; i < 3; i += 1) await cloud.connect(channelArn, `v-${i}`);
    await expect(cloud.connect(channelArn, 'v-3')).rejects.toThrow('400 ClientLimitExceededException');
    cloud.environment.faults.throttling = false;
    for (let i = 3; i < 10; i += 1) await cloud.connect(channelArn, `v-${i}`);
    await expect(cloud.connect(channelArn, 'v-10')).rejects.toThrow('400 ClientLimitExceededException');
    await cloud.connect(channelArn, 'v-9');
    await cloud.connect(channelArn);
  });
});

describe('how connections end', () => {
  it('when nothing is heard for ten minutes; a ping is something', async () => {
    await start({ idleMs: 600 });
    const [silent, alive] = [await cloud.connect(channelArn, 'a'), await cloud.connect(channelArn, 'b')];
    const pings = setInterval(() => alive.socket.ping(), 20);
    expect(await silent.closed()).toBe(1001);
    expect(alive.socket.readyState).toBe(alive.socket.OPEN);
    clearInterval(pings);
    expect(await alive.closed()).toBe(1001);
  });

  it('after an hour, announced by GO_AWAY a minute before', async () => {
    await start({ maxAgeMs: 80, goAwayGraceMs: 40 });
    const peer = await cloud.connect(channelArn);
    const ended = peer.closed();
    expect(await peer.event()).toEqual({ messageType: 'GO_AWAY', messagePayload: '' });
    expect(await ended).toBe(1001);
  });

  it('with the channel, and when everything is reset', async () => {
    await start();
    const first = (await cloud.connect(channelArn)).closed();
    await cloud.control.send(new DeleteSignalingChannelCommand({ ChannelARN: channelArn }));
    expect(await first).toBe(1001);
    channelArn = await cloud.createChannel(own);
    const second = (await cloud.connect(channelArn, 'viewer-1')).closed();
    cloud.environment.store.reset();
    cloud.signaling.reset();
    expect(await second).toBe(1001);
    await expect(cloud.endpoint(channelArn, 'WSS')).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  it('for a frame that no signaling message needs', async () => {
    await start();
    const peer = await cloud.connect(channelArn);
    const ended = peer.closed();
    peer.socket.send('x'.repeat(200_000));
    expect(await ended).toBe(1009);
  });
});

describe('faults', () => {
  beforeEach(() => start());
  const add = (operation: string, effect: object): void => {
    cloud.environment.faults.add({
      service: 'kinesis-signaling',
      operation,
      subject: own,
      effect: effect as { kind: 'drop' },
      times: 1,
    });
  };
  const custom = (name: string, value?: object) => ({ kind: 'custom', name, value });

  it('GO_AWAY and RECONNECT_ICE_SERVER at a connection', async () => {
    add('SignalingSession', custom('go-away', { graceMs: 10 }));
    const leaving = await cloud.connect(channelArn);
    const ended = leaving.closed();
    expect((await leaving.event()).messageType).toBe('GO_AWAY');
    expect(await ended).toBe(1001);
    add('SignalingSession', custom('reconnect-ice-server'));
    const staying = await cloud.connect(channelArn);
    expect(await staying.event()).toEqual({ messageType: 'RECONNECT_ICE_SERVER', messagePayload: '' });
    add('SignalingSession', custom('cut'));
    const [cut] = await Promise.all(
      [cloud.connect(channelArn, 'v')].map(async (peer) => (await peer).closed()),
    );
    expect(cut).toBe(1006);
  });

  it('GO_AWAY, RECONNECT_ICE_SERVER and a cut to everybody, by the admin surface', async () => {
    const peers = [await cloud.connect(channelArn), await cloud.connect(channelArn, 'viewer-1')];
    const ended = peers.map((peer) => peer.closed());
    const tell = (verb: string) =>
      callAdmin(cloud.signaling, 'POST', `/_local/kinesis-signaling/channels/${own}/${verb}`);
    expect(await tell('reconnect-ice-server')).toEqual({ told: 2 });
    for (const peer of peers) expect((await peer.event()).messageType).toBe('RECONNECT_ICE_SERVER');
    await tell('go-away');
    for (const peer of peers) expect((await peer.event()).messageType).toBe('GO_AWAY');
    await tell('disconnect');
    expect(await Promise.all(ended)).toEqual([1006, 1006]);
    await expect(
      callAdmin(cloud.signaling, 'POST', '/_local/kinesis-signaling/channels/x/go-away'),
    ).rejects.toThrow('no channel x');
  });

  it('messages refused, lost, late, and with odd frames before them', async () => {
    const master = await cloud.connect(channelArn);
    const viewer = await cloud.connect(channelArn, 'viewer-1');
    add('SignalingMessage', { kind: 'error', status: 500, code: 'InternalErrorException', message: 'oh' });
    viewer.sendPayload('SDP_OFFER', {}, { correlationId: 'c' });
    expect((await viewer.event()).statusResponse).toEqual({
      correlationId: 'c',
      errorType: 'InternalErrorException',
      statusCode: '500',
      description: 'oh',
    });
    add('SignalingMessage', { kind: 'drop' });
    viewer.sendPayload('SDP_OFFER', { lost: true });
    add('SignalingMessage', { kind: 'delay', ms: 20 });
    viewer.sendPayload('SDP_OFFER', { late: true });
    viewer.sendPayload('SDP_ANSWER', { onTime: true });
    expect((await master.event()).messageType).toBe('SDP_ANSWER');
    expect((await master.event()).messageType).toBe('SDP_OFFER');
    add('SignalingMessage', custom('odd-frames'));
    viewer.sendPayload('SDP_ANSWER', {});
    expect([await master.frame(), await master.frame()]).toEqual(['', '{}']);
    expect((await master.event()).messageType).toBe('SDP_ANSWER');
  });

  it('connections refused and dropped', async () => {
    add('ConnectAsViewer', {
      kind: 'error',
      status: 400,
      code: 'ClientLimitExceededException',
      message: 'x',
    });
    await expect(cloud.connect(channelArn, 'v')).rejects.toThrow('400 ClientLimitExceededException');
    add('ConnectAsMaster', { kind: 'drop' });
    await expect(cloud.connect(channelArn)).rejects.toThrow('socket hang up');
    const master = await cloud.connect(channelArn);
    master.socket.close();
    await once(master.socket, 'close');
  });
});
