import { createServer } from 'node:http';
import { GetIceServerConfigCommand } from '@aws-sdk/client-kinesis-video-signaling';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type Browser, chromium } from 'playwright-core';
import { accountKey } from '../kernel/testing/test-environment.ts';
import { SignalingCloud } from './testing/signaling-cloud.ts';
import { signedUrl } from './testing/signaling-peer.ts';

let cloud: SignalingCloud;
let browser: Browser;
const page = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'text/html' });
  response.end('<!doctype html><title>peers</title>');
});

beforeEach(async () => {
  cloud = await SignalingCloud.start();
  await new Promise<void>((resolve) => {
    page.listen(0, '127.0.0.1', resolve);
  });
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--allow-loopback-in-peer-connection',
      '--disable-features=WebRtcHideLocalIpsWithMdns',
    ],
  });
});
afterEach(async () => {
  await browser.close();
  await new Promise((resolve) => {
    page.close(resolve);
    page.closeAllConnections();
  });
  await cloud.stop();
});

it('two browsers find each other by the relay and its ICE servers', async () => {
  const channelArn = await cloud.createChannel('aovis-webrtc-aovis-n4k-000001');
  const client = await cloud.signalingClient(channelArn);
  const { IceServerList = [] } = await client.send(
    new GetIceServerConfigCommand({ ChannelARN: channelArn, ClientId: 'viewer-1' }),
  );
  const iceServers = IceServerList.map(({ Uris = [], Username = '', Password = '' }) => ({
    urls: Uris,
    username: Username,
    credential: Password,
  }));
  const endpoint = await cloud.endpoint(channelArn, 'WSS');
  const sign = (clientId?: string) =>
    signedUrl({ endpoint, region: cloud.environment.region, channelArn, clientId, key: accountKey });
  const address = page.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  /** Runs in the page: a peer that offers when it is a viewer, and answers when it is the master. */
  const peer = async (options: { url: string; iceServers: RTCIceServer[]; offers: boolean }) => {
    const socket = new WebSocket(options.url);
    await new Promise((resolve) => socket.addEventListener('open', resolve));
    const connection = new RTCPeerConnection({ iceServers: options.iceServers });
    let other: string | undefined;
    const send = (action: string, payload: object | null): void =>
      socket.send(
        JSON.stringify({ action, messagePayload: btoa(JSON.stringify(payload)), recipientClientId: other }),
      );
    const gathered = new Promise<void>((resolve) => {
      connection.addEventListener('icecandidate', ({ candidate }) => {
        if (candidate === null) resolve();
        else send('ICE_CANDIDATE', candidate);
      });
    });
    const waiting: RTCIceCandidateInit[] = [];
    const onMessage = async (data: unknown): Promise<void> => {
      const { messageType, messagePayload, senderClientId } = JSON.parse(data as string) as {
        messageType: string;
        messagePayload: string;
        senderClientId?: string;
      };
      other ??= senderClientId;
      const payload = JSON.parse(atob(messagePayload)) as RTCIceCandidateInit & RTCSessionDescriptionInit;
      if (messageType === 'ICE_CANDIDATE') {
        if (connection.remoteDescription === null) waiting.push(payload);
        else await connection.addIceCandidate(payload);
        return;
      }
      await connection.setRemoteDescription(payload);
      for (const candidate of waiting.splice(0)) await connection.addIceCandidate(candidate);
      if (messageType !== 'SDP_OFFER') return;
      await connection.setLocalDescription(await connection.createAnswer());
      send('SDP_ANSWER', connection.localDescription);
    };
    socket.addEventListener('message', ({ data }) => void onMessage(data));
    const greeted = new Promise<string>((resolve) => {
      const listen = (channel: RTCDataChannel): void => {
        channel.addEventListener('message', ({ data }) => resolve(data as string));
        if (channel.readyState === 'open') channel.send('hello');
        else channel.addEventListener('open', () => channel.send('hello'));
      };
      connection.addEventListener('datachannel', ({ channel }) => listen(channel));
      if (options.offers) listen(connection.createDataChannel('control'));
    });
    if (options.offers) {
      await connection.setLocalDescription(await connection.createOffer());
      send('SDP_OFFER', connection.localDescription);
    }
    const greeting = await greeted;
    await gathered;
    return greeting;
  };

  const open = async (clientId?: string) => {
    const tab = await browser.newPage();
    await tab.goto(`http://127.0.0.1:${port}/`);
    const options = { url: await sign(clientId), iceServers, offers: clientId !== undefined };
    return tab.evaluate(peer, options);
  };
  expect(await Promise.all([open(), open('viewer-1')])).toEqual(['hello', 'hello']);
}, 60_000);
