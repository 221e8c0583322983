import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../../../testing/until.ts';
import { RtpStream } from '../../rtp/rtp-stream.ts';
import { narrowOffer } from '../../sdp/narrow-offer.ts';
import { chooseH264, type H264Format, readOffer } from '../../sdp/session-offer.ts';
import { TestViewer, viewerPayloadType } from '../../testing/test-viewer.ts';
import type { Peer, PeerLibrary } from '../peer-library.ts';

const ssrc = 0x0a0b0c0d;
const chromiumOffer = join(process.cwd(), 'device-agent/src/live-view/testing/chromium-offer.sdp');

/** What a library must do to serve viewers; a viewer of another make watches it. */
export function describePeerLibrary(name: string, load: () => Promise<PeerLibrary>): void {
  describe(name, () => {
    let library: PeerLibrary;
    let viewer: TestViewer;
    let events: string[];
    let peer: Peer;

    const open = (offer: string, format: H264Format): Peer =>
      library.open({
        offer,
        format,
        ssrc,
        iceServers: [],
        bindAddress: '127.0.0.1',
        events: {
          onCandidate: (candidate) => viewer.addCandidate(candidate),
          onConnected: () => events.push('connected'),
          onDisconnected: () => events.push('disconnected'),
          onClosed: () => events.push('closed'),
          onKeyframeRequest: () => events.push('keyframe wanted'),
          onMessage: (text, reply) => reply(`heard: ${text}`),
        },
      });

    beforeEach(async () => {
      library = await load();
      viewer = new TestViewer();
      events = [];
    });
    afterEach(async () => {
      viewer.leave();
      await peer.close();
      library.stop();
      TestViewer.cleanUp();
    });

    const offerAndOpen = async (): Promise<string> => {
      const offer = readOffer(await viewer.offer());
      const format = offer && chooseH264(offer);
      if (offer === undefined || format === undefined) throw new Error('The viewer offers no H.264.');
      peer = open(narrowOffer(offer, format), format);
      viewer.onCandidate = (candidate) => peer.addCandidate(candidate);
      return peer.answer();
    };

    const connect = async (): Promise<void> => {
      viewer.accept(await offerAndOpen());
      await until(() => events.includes('connected'));
      await viewer.untilConnected();
    };

    const send = (count: number): void => {
      const stream = new RtpStream({ ssrc, payloadType: viewerPayloadType, firstSequenceNumber: 65_530 });
      for (let i = 0; i < count; i++)
        for (const packet of stream.packets([Buffer.of(0x65, i)], 3_000 * i)) peer.sendRtp(packet);
    };

    it('answers each section of the offer, video with the chosen format, to be sent', async () => {
      const answer = readOffer(await offerAndOpen());
      expect(answer?.sections.map(({ kind }) => kind)).toEqual(['video', 'application']);
      expect(answer?.sections[0]?.formats).toEqual([String(viewerPayloadType)]);
      expect(answer?.sections[0]?.lines).toContain('a=sendonly');
      expect(answer?.sdp).toMatch(/a=rtpmap:102 H264\/90000/);
    });

    it('answers a browser that would also talk: its voice is not taken', async () => {
      const offer = readOffer(readFileSync(chromiumOffer, 'utf8'));
      const format = offer && chooseH264(offer);
      if (offer === undefined || format === undefined) throw new Error('Chromium offers no H.264.');
      peer = open(narrowOffer(offer, format), format);
      const answer = readOffer(await peer.answer());
      expect(answer?.sections.map(({ kind, mid }) => [kind, mid])).toEqual([
        ['audio', '0'],
        ['video', '1'],
        ['application', '2'],
      ]);
      expect(answer?.sections[0]?.lines).toContain('a=inactive');
      expect(answer?.sections[1]?.formats).toEqual(['108']);
    });

    it('brings packets as they are to the viewer', async () => {
      await connect();
      send(20);
      await until(() => viewer.packets.length === 20);
      expect(viewer.packets.map(({ payload }) => payload[1])).toEqual([...Array(20).keys()]);
      const [first] = viewer.packets;
      const last = viewer.packets[19];
      expect(first).toMatchObject({ marker: true, payloadType: viewerPayloadType });
      expect((last?.timestamp ?? 0) - (first?.timestamp ?? 0)).toBe(19 * 3_000);
      expect(((last?.sequenceNumber ?? 0) - (first?.sequenceNumber ?? 0)) & 0xffff).toBe(19);
      expect(peer.relayed).toBe(false);
    });

    it('hears that a viewer lost a picture', async () => {
      await connect();
      send(1);
      await until(() => viewer.packets.length === 1);
      viewer.loseAPicture();
      await until(() => events.includes('keyframe wanted'));
    });

    it('carries text in both directions', async () => {
      await connect();
      await viewer.say('look left');
      await until(() => viewer.texts.length === 1);
      expect(viewer.texts).toEqual(['heard: look left']);
    });

    it('notices that a viewer leaves', async () => {
      await connect();
      viewer.leave();
      await until(() => events.includes('closed'));
    });

    it('says good-bye to the viewer', async () => {
      await connect();
      await viewer.say('hello');
      await until(() => viewer.texts.length === 1);
      await peer.close();
      await until(() => viewer.heardGoodBye);
    });

    it('can be closed at any time and more than once, and says nothing of it', async () => {
      await connect();
      await Promise.all([peer.close(), peer.close()]);
      send(1);
      peer.addCandidate({ candidate: 'candidate:1 1 UDP 1 127.0.0.1 9 typ host', sdpMid: '0' });
      expect(peer.relayed).toBe(false);
      await peer.close();
      expect(events).toEqual(['connected']);
    });

    it('leaves out candidates that it cannot use', async () => {
      const answer = await offerAndOpen();
      for (const candidate of ['', 'nonsense', 'candidate:1 1 UDP 1 no-such-host.invalid 9 typ host'])
        peer.addCandidate({ candidate, sdpMid: '0' });
      viewer.accept(answer);
      await until(() => events.includes('connected'));
    });

    it('refuses an offer that is none', async () => {
      peer = open('v=0\r\n', { mid: '0', payloadType: 102, profileLevelId: '42e01f' });
      await expect(peer.answer()).rejects.toThrow();
    });
  });
}
