import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { liveRefusalSchema } from '@aovis/contracts/live-view';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { AccessUnitListener } from '../camera/camera.ts';
import { createLogger } from '../host/logger.ts';
import { clipPictures } from '../streaming/testing/pictures.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { LiveView } from './live-view.ts';
import type { OutgoingMessage } from './signaling/message.ts';
import { type FakePeer, FakePeerLibrary } from './testing/fake-peer-library.ts';

const offer = readFileSync(
  join(process.cwd(), 'device-agent/src/live-view/testing/chromium-offer.sdp'),
  'utf8',
);
const pictures = clipPictures();

/** Remembers who listens; delivers when the test says so. */
class FakeCamera {
  readonly observers = new Set<AccessUnitListener>();
  readonly subscribers = new Set<AccessUnitListener>();
  keyframes = 0;
  canMakeKeyframes = true;

  observe(listener: AccessUnitListener): () => void {
    this.observers.add(listener);
    return () => this.observers.delete(listener);
  }

  subscribe(listener: AccessUnitListener): () => void {
    this.subscribers.add(listener);
    return () => this.subscribers.delete(listener);
  }

  requestKeyframe(): boolean {
    this.keyframes += 1;
    return this.canMakeKeyframes;
  }

  deliver(from: number, to: number): void {
    for (const picture of pictures.slice(from, to)) for (const observer of this.observers) observer(picture);
  }
}

describe('the live view', () => {
  let clock: FakeClock;
  let camera: FakeCamera;
  let library: FakePeerLibrary;
  let libraryLoads: () => Promise<FakePeerLibrary>;
  let sent: OutgoingMessage[];
  let running: boolean;
  let problem: string | undefined;
  /** Whose invitation counts no longer. */
  let over: Set<string>;
  let seconds: number;
  let liveView: LiveView;

  beforeEach(async () => {
    clock = new FakeClock();
    camera = new FakeCamera();
    library = new FakePeerLibrary();
    libraryLoads = () => Promise.resolve(library);
    sent = [];
    running = false;
    problem = undefined;
    over = new Set();
    seconds = 3_600;
    liveView = new LiveView({
      camera,
      signaling: {
        start: () => {
          running = true;
        },
        stop: () => {
          running = false;
          return Promise.resolve();
        },
        send: (message) => void sent.push(message),
        forget: () => {},
        iceServers: () => Promise.resolve([]),
        get problem() {
          return problem;
        },
      },
      loadLibrary: () => libraryLoads(),
      actions: {},
      invitationOf: (clientId) => {
        const role = clientId.startsWith('owner-') ? 'owner' : 'viewer';
        return over.has(clientId) ? undefined : { role, epoch: 1, issuedAt: 0, seconds };
      },
      clock,
      logger: createLogger({ level: 'silent' }),
      randomBelow: () => 0,
    });
    await liveView.start(new AbortController().signal);
  });

  const offers = async (clientId: string, sdp = offer): Promise<FakePeer | undefined> => {
    const before = library.peers.length;
    liveView.onMessage({ type: 'offer', clientId, sdp });
    await settle();
    return library.peers[before];
  };
  const joined = async (clientId: string): Promise<FakePeer> => {
    const peer = await offers(clientId);
    if (peer === undefined) throw new Error(`${clientId} was not let in`);
    peer.options.events.onConnected();
    return peer;
  };
  const refusalOf = (clientId: string) => {
    const answer = sent.findLast(
      (message) => message.clientId === clientId && message.action === 'SDP_ANSWER',
    );
    const { refused } = (answer?.payload ?? {}) as { refused?: unknown };
    return refused === undefined ? undefined : liveRefusalSchema.parse(refused);
  };

  it('answers an offer first, then tells its candidates', async () => {
    await offers('viewer-1');
    expect(sent).toEqual([
      { action: 'SDP_ANSWER', clientId: 'viewer-1', payload: { type: 'answer', sdp: 'v=0 answer' } },
      {
        action: 'ICE_CANDIDATE',
        clientId: 'viewer-1',
        payload: { candidate: 'candidate:board', sdpMid: '1' },
      },
    ]);
  });

  it('shows who connects what is kept, and what comes', async () => {
    camera.deliver(0, 3);
    const peer = await joined('viewer-1');
    await clock.advance(1_000);
    camera.deliver(3, 4);
    await clock.advance(1_000);
    expect(peer.packets.filter((packet) => (packet[1] ?? 0) >= 128)).toHaveLength(4);
  });

  it('makes the camera run while somebody watches, and only then', async () => {
    expect([camera.observers.size, camera.subscribers.size]).toEqual([1, 0]);
    const [first, second] = [await joined('a'), await joined('b')];
    expect(camera.subscribers.size).toBe(1);
    first.options.events.onClosed();
    expect(camera.subscribers.size).toBe(1);
    second.options.events.onClosed();
    expect(camera.subscribers.size).toBe(0);
    expect([first.closed, second.closed]).toEqual([true, true]);
  });

  it('gives a viewer its candidates, those too that came before its offer', async () => {
    liveView.onMessage({ type: 'candidate', clientId: 'a', candidate: { candidate: 'early' } });
    const peer = await offers('a');
    liveView.onMessage({ type: 'candidate', clientId: 'a', candidate: { candidate: 'late' } });
    expect(peer?.candidates.map(({ candidate }) => candidate)).toEqual(['early', 'late']);
  });

  it('leaves out candidates that hide behind a name', async () => {
    const peer = await joined('a');
    const candidate = 'candidate:1 1 udp 1 8a3f7c52-0000-4000-8000-000000000000.local 50000 typ host';
    liveView.onMessage({ type: 'candidate', clientId: 'a', candidate: { candidate } });
    expect(peer.candidates).toEqual([]);
  });

  it('refuses the eleventh, and lets it in when one has left', async () => {
    const peers: FakePeer[] = [];
    for (let i = 0; i < 10; i++) peers.push(await joined(`viewer-${i}`));
    expect(await offers('late')).toBeUndefined();
    expect(refusalOf('late')).toMatchObject({ code: 'too_many_viewers' });
    expect(liveView.health()).toEqual({ ok: true, detail: '10 of 10 viewers.' });
    peers[3]?.options.events.onClosed();
    await joined('late');
    expect(refusalOf('late')).toBeUndefined();
  });

  it('gives a viewer that offers again its own place', async () => {
    for (let i = 0; i < 10; i++) await joined(`viewer-${i}`);
    await joined('viewer-0');
    expect(library.peers[0]?.closed).toBe(true);
    expect(liveView.health().detail).toBe('10 of 10 viewers.');
  });

  it('refuses whose invitation is over, and takes no place away for it', async () => {
    over.add('a');
    expect(await offers('a')).toBeUndefined();
    expect(refusalOf('a')).toMatchObject({ code: 'invitation_over' });
    expect(camera.subscribers.size).toBe(0);
  });

  it('lets go at once whose invitation ends, also while it comes, and nobody else', async () => {
    const [stays, goes] = [await joined('owner-1'), await joined('viewer-1')];
    liveView.onMessage({ type: 'offer', clientId: 'viewer-2', sdp: offer });
    over.add('viewer-1').add('viewer-2');
    liveView.reviewViewers();
    await settle();
    expect([stays.closed, goes.closed]).toEqual([false, true]);
    expect(library.peers.slice(2).every(({ closed }) => closed)).toBe(true);
    expect(liveView.health().detail).toBe('1 of 10 viewers.');
  });

  it('lets nobody watch longer than invited, nor longer than an hour', async () => {
    seconds = 90;
    const guest = await joined('a');
    seconds = 9_999;
    const long = await joined('b');
    await clock.advance(90_000);
    expect([guest.closed, long.closed]).toEqual([true, false]);
    await clock.advance(3_510_000);
    expect(long.closed).toBe(true);
  });

  it('refuses a viewer that cannot receive H.264', async () => {
    expect(await offers('a', offer.replaceAll('H264', 'VP8'))).toBeUndefined();
    expect(refusalOf('a')).toMatchObject({ code: 'no_h264' });
  });

  it('refuses an offer that its library cannot answer, and leaves nothing of it', async () => {
    library.refuses = true;
    await offers('a');
    expect(refusalOf('a')).toMatchObject({ code: 'not_possible' });
    expect([library.peers[0]?.closed, camera.subscribers.size]).toEqual([true, 0]);
    expect(liveView.health().detail).toBe('0 of 10 viewers.');
  });

  it('tries to load its library again when that failed', async () => {
    const works = libraryLoads;
    libraryLoads = () => Promise.reject(new Error('no memory'));
    await offers('a');
    expect(refusalOf('a')).toMatchObject({ code: 'not_possible' });
    libraryLoads = works;
    await joined('a');
  });

  it('ignores what is no offer', async () => {
    await offers('a', 'v=0');
    expect([sent, library.peers]).toEqual([[], []]);
  });

  it.each([
    ['does not connect', 30_000, () => {}],
    [
      'is broken off',
      15_000,
      ({ options: { events } }: FakePeer) => {
        events.onConnected();
        events.onDisconnected();
      },
    ],
    ['has watched for an hour', 3_600_000, ({ options: { events } }: FakePeer) => events.onConnected()],
  ])('lets a viewer go that %s', async (_, afterMs, happens) => {
    const peer = await offers('a');
    if (peer === undefined) throw new Error('not let in');
    happens(peer);
    await clock.advance(afterMs - 1);
    expect(peer.closed).toBe(false);
    await clock.advance(1);
    expect(peer.closed).toBe(true);
  });

  it('keeps a viewer whose connection is mended', async () => {
    const peer = await joined('a');
    peer.options.events.onDisconnected();
    await clock.advance(10_000);
    peer.options.events.onConnected();
    await clock.advance(60_000);
    expect(peer.closed).toBe(false);
  });

  it('lets go who is seen through a relay when the relays go away', async () => {
    const [direct, relayed] = [await joined('a'), await joined('b')];
    relayed.relayed = true;
    liveView.onIceServersChanged();
    expect([direct.closed, relayed.closed]).toEqual([false, true]);
  });

  it('asks the camera for one keyframe for all who lost a picture', async () => {
    const peers = [await joined('a'), await joined('b')];
    camera.deliver(0, 1);
    await clock.advance(1_000);
    for (const peer of peers) peer.options.events.onKeyframeRequest();
    expect(camera.keyframes).toBe(1);
    await clock.advance(1_000);
    for (const peer of peers) peer.options.events.onKeyframeRequest();
    expect(camera.keyframes).toBe(2);
  });

  it('takes commands from the owner alone', async () => {
    const said: string[] = [];
    const command = JSON.stringify({ id: '1', type: 'ptz', params: {} });
    for (const clientId of ['viewer-1', 'owner-1'])
      (await joined(clientId)).options.events.onMessage(command, (text) => said.push(text));
    expect(said.map((text) => (JSON.parse(text) as { error: { code: string } }).error.code)).toEqual([
      'forbidden',
      'unsupported',
    ]);
  });

  it('says what keeps viewers away', () => {
    problem = 'There is no channel.';
    expect(liveView.health()).toEqual({ ok: false, detail: 'There is no channel.' });
  });

  it('leaves nothing behind when it stops, not even somebody who is just coming', async () => {
    const peer = await joined('a');
    liveView.onMessage({ type: 'offer', clientId: 'b', sdp: offer });
    await liveView.stop();
    await liveView.stop();
    expect(peer.closed).toBe(true);
    expect(library.peers.every(({ closed }) => closed)).toBe(true);
    expect([library.stopped, running, camera.observers.size, camera.subscribers.size]).toEqual([
      true,
      false,
      0,
      0,
    ]);
    expect(clock.pending).toEqual([]);
    expect(await offers('c')).toBeUndefined();
  });
});
