import type {
  MediaStreamTrack,
  RTCDataChannel,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  RTCRtpSender,
} from 'werift';
import { asksForKeyframe } from '../rtp/rtcp-feedback.ts';
import { readOffer } from '../sdp/session-offer.ts';
import type { IceCandidate, IceServer, Peer, PeerEvents, PeerLibrary, PeerOptions } from './peer-library.ts';

/** The part of werift that is used. */
export interface WeriftModule {
  RTCPeerConnection: typeof RTCPeerConnection;
  MediaStreamTrack: typeof MediaStreamTrack;
  RTCRtpCodecParameters: typeof RTCRtpCodecParameters;
}

/** werift (https://github.com/shinyoshiaki/werift-webrtc): JavaScript only, runs on every board. */
export class WeriftLibrary implements PeerLibrary {
  readonly name = 'werift';
  readonly #module: WeriftModule;

  constructor(module: WeriftModule) {
    this.#module = module;
  }

  open(options: PeerOptions): Peer {
    return new WeriftPeer(this.#module, options);
  }

  stop(): void {}
}

class WeriftPeer implements Peer {
  readonly #options: PeerOptions;
  readonly #connection: RTCPeerConnection;
  readonly #track: MediaStreamTrack;
  /** Until candidates have been gathered. */
  #gathering: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(module: WeriftModule, options: PeerOptions) {
    const { iceServers, bindAddress, format } = options;
    this.#options = options;
    const parameters = `level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=${format.profileLevelId}`;
    const h264 = new module.RTCRtpCodecParameters({
      mimeType: 'video/H264',
      clockRate: 90_000,
      payloadType: format.payloadType,
      rtcpFeedback: [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }, { type: 'ccm', parameter: 'fir' }],
      parameters,
    });
    this.#connection = new module.RTCPeerConnection({
      codecs: {
        audio: offeredCodecs(module, options, 'audio'),
        video: [h264, ...offeredCodecs(module, options, 'video')],
      },
      iceServers: iceServers.flatMap(oneServerEach),
      // Otherwise each section has sockets of its own, of which it forgets those that the bundle does without.
      bundlePolicy: 'max-bundle',
      ...(bindAddress === undefined
        ? {}
        : {
            iceUseIpv6: false,
            iceAdditionalHostAddresses: [bindAddress],
            iceInterfaceAddresses: { udp4: bindAddress },
          }),
    });
    this.#track = new module.MediaStreamTrack({ kind: 'video' });
    this.#listen();
  }

  async answer(): Promise<string> {
    const connection = this.#connection;
    const { offer, format } = this.#options;
    await connection.setRemoteDescription({ type: 'offer', sdp: offer });
    const transceiver = connection.getTransceivers().find(({ mid }) => mid === format.mid);
    if (transceiver === undefined) throw new Error(`The offer has no media section ${format.mid}.`);
    transceiver.setDirection('sendonly');
    await transceiver.sender.replaceTrack(this.#track);
    this.#listenToSender(transceiver.sender);
    this.#listenToGoodBye();
    const answer = await connection.createAnswer();
    // Gathers candidates; they are told one by one. It fails when the connection is closed meanwhile.
    this.#gathering = connection
      .setLocalDescription(answer)
      .catch(() => this.#tell((events) => events.onClosed()));
    return answer.sdp;
  }

  addCandidate({ candidate, sdpMid, sdpMLineIndex }: IceCandidate): void {
    if (this.#closed !== undefined || candidate === '') return;
    const given = {
      candidate,
      sdpMid: sdpMid ?? this.#options.format.mid,
      ...(typeof sdpMLineIndex === 'number' ? { sdpMLineIndex } : {}),
    };
    // A name that does not resolve, a transport it does not know: others will do.
    this.#connection.addIceCandidate(given).catch(() => {});
  }

  sendRtp(packet: Buffer): void {
    if (this.#closed === undefined) this.#track.writeRtp(packet);
  }

  get relayed(): boolean {
    const pairs = this.#connection.iceTransports.map((transport) => transport.getSelectedCandidatePair());
    return pairs
      .flatMap((pair) => [pair?.local.candidate, pair?.remote.candidate])
      .some((candidate) => candidate?.includes(' typ relay'));
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  /** Sockets that are being opened at that moment outlive werift's own end: they are closed when they are there. */
  async #end(): Promise<void> {
    await Promise.resolve();
    const transports = this.#connection.iceTransports;
    // The viewer hears of it at once (RFC 9260, ABORT), not when it misses an answer: werift would close what carries that
    // first, and the socket drops what it was given within the same turn.
    await this.#connection.sctpTransport?.stop();
    await new Promise((resolve) => setImmediate(resolve));
    await this.#connection.close();
    await this.#gathering;
    await Promise.all(transports.map(({ connection }) => connection.close()));
  }

  #tell(say: (events: PeerEvents) => void): void {
    if (this.#closed === undefined) say(this.#options.events);
  }

  #listen(): void {
    const { bindAddress } = this.#options;
    this.#connection.onIceCandidate.subscribe((found) => {
      const candidate = found?.candidate;
      if (candidate === undefined || candidate === '') return;
      // It names the addresses of all interfaces, whichever it uses.
      if (bindAddress !== undefined && candidate.split(' ')[4] !== bindAddress) return;
      const { sdpMid = this.#options.format.mid, sdpMLineIndex } = found ?? {};
      this.#tell((events) =>
        events.onCandidate({
          candidate: `candidate:${candidate.replace(/^candidate:/, '')}`,
          sdpMid,
          sdpMLineIndex,
        }),
      );
    });
    this.#connection.connectionStateChange.subscribe((state) => {
      if (state === 'connected') this.#tell((events) => events.onConnected());
      if (state === 'disconnected') this.#tell((events) => events.onDisconnected());
      if (state === 'failed' || state === 'closed') this.#tell((events) => events.onClosed());
    });
    this.#connection.onDataChannel.subscribe((channel) => this.#listenToChannel(channel));
  }

  /** A viewer's good-bye ends SCTP or DTLS (RFC 9260, ABORT; RFC 5246, close_notify); werift's own state shows neither. */
  #listenToGoodBye(): void {
    const gone = (): void => this.#tell((events) => events.onClosed());
    this.#connection.sctpTransport?.sctp.stateChanged.closed.subscribe(gone);
    for (const transport of this.#connection.dtlsTransports)
      transport.onStateChange.subscribe((state) => {
        if (state === 'closed' || state === 'failed') gone();
      });
  }

  #listenToSender(sender: RTCRtpSender): void {
    sender.onRtcp.subscribe((rtcp) => {
      if (asksForKeyframe(rtcp.serialize())) this.#tell((events) => events.onKeyframeRequest());
    });
  }

  #listenToChannel(channel: RTCDataChannel): void {
    channel.onMessage.subscribe((message) => {
      if (typeof message !== 'string') return;
      this.#tell((events) =>
        events.onMessage(message, (text) => {
          if (channel.readyState === 'open' && this.#closed === undefined) channel.send(text);
        }),
      );
    });
  }
}

/** Those of the sections that stay silent: werift answers none whose codecs it does not know. */
function offeredCodecs(
  { RTCRtpCodecParameters: Codec }: WeriftModule,
  { offer, format }: PeerOptions,
  kind: 'audio' | 'video',
): RTCRtpCodecParameters[] {
  const silent = readOffer(offer)?.sections.filter(
    (section) => section.kind === kind && section.mid !== format.mid,
  );
  return (silent ?? [])
    .flatMap(({ lines }) => lines)
    .flatMap((line) => {
      const [, payloadType, name, clockRate, channels] =
        /^a=rtpmap:(\d+) ([^/]+)\/(\d+)(?:\/(\d+))?$/.exec(line) ?? [];
      if (name === undefined) return [];
      return [
        new Codec({
          mimeType: `${kind}/${name}`,
          clockRate: Number(clockRate),
          payloadType: Number(payloadType),
          ...(channels === undefined ? {} : { channels: Number(channels) }),
        }),
      ];
    });
}

/** It takes the first STUN and the first TURN address: UDP before the others, which are slower. */
function oneServerEach({ urls, username, credential }: IceServer) {
  const account = {
    ...(username === undefined ? {} : { username }),
    ...(credential === undefined ? {} : { credential }),
  };
  const slow = (url: string): number => Number(/^turns:|transport=tcp/.test(url));
  return [...urls].sort((a, b) => slow(a) - slow(b)).map((url) => ({ urls: url, ...account }));
}
