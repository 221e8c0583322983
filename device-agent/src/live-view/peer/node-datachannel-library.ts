import type * as NodeDataChannel from 'node-datachannel';
import type { RtcConfig } from 'node-datachannel';
import { asksForKeyframe } from '../rtp/rtcp-feedback.ts';
import type { IceServer, Peer, PeerEvents, PeerLibrary, PeerOptions } from './peer-library.ts';
import { sendIfOpen } from './send-if-open.ts';

type Module = typeof NodeDataChannel;
type Connection = InstanceType<Module['PeerConnection']>;
type Track = InstanceType<Module['Track']>;

/** Packets kept for a viewer who asks for one again: about half a second of 4 Mb/s. */
const keptPackets = 256;
const clockRate = 90_000;
const cname = 'aovis-camera';

/** libdatachannel (https://libdatachannel.org): native, little CPU; has a build for few platforms. */
export class NodeDataChannelLibrary implements PeerLibrary {
  readonly name = 'node-datachannel';
  readonly #module: Module;

  constructor(module: Module) {
    this.#module = module;
  }

  open(options: PeerOptions): Peer {
    return new NodeDataChannelPeer(this.#module, options);
  }

  stop(): void {
    this.#module.cleanup();
  }
}

class NodeDataChannelPeer implements Peer {
  readonly #options: PeerOptions;
  readonly #connection: Connection;
  readonly #track: Track;
  #closed = false;

  constructor(module: Module, options: PeerOptions) {
    const { iceServers, bindAddress } = options;
    this.#options = options;
    this.#connection = new module.PeerConnection('viewer', {
      iceServers: iceServers.flatMap(nativeIceServers),
      disableAutoNegotiation: true,
      ...(bindAddress === undefined ? {} : { bindAddress }),
    });
    this.#track = this.#addTrack(module);
    this.#listen();
  }

  answer(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#connection.onLocalDescription((sdp) => resolve(sdp));
      try {
        this.#connection.setRemoteDescription(this.#options.offer, 'offer');
        this.#connection.setLocalDescription('answer');
      } catch (error) {
        reject(error);
      }
    });
  }

  addCandidate({ candidate, sdpMid }: { candidate: string; sdpMid?: string | null | undefined }): void {
    if (this.#closed || candidate === '') return;
    try {
      this.#connection.addRemoteCandidate(candidate, sdpMid ?? this.#options.format.mid);
    } catch {
      // A name that does not resolve, a transport it does not know: others will do.
    }
  }

  sendRtp(packet: Buffer): void {
    if (!this.#closed) sendIfOpen(this.#track, () => this.#track.sendMessageBinary(packet));
  }

  get relayed(): boolean {
    if (this.#closed) return false;
    const pair = this.#connection.getSelectedCandidatePair();
    return pair?.local.type === 'relay' || pair?.remote.type === 'relay';
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#connection.close();
    }
    return Promise.resolve();
  }

  #addTrack(module: Module): Track {
    const { format, ssrc } = this.#options;
    const video = new module.Video(format.mid, 'SendOnly');
    const parameters = `level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=${format.profileLevelId}`;
    video.addH264Codec(format.payloadType, parameters);
    video.addSSRC(ssrc, cname, cname, cname);
    const track = this.#connection.addTrack(video);
    // The packets are ours: these only report on them and send lost ones again.
    const config = new module.RtpPacketizationConfig(ssrc, cname, format.payloadType, clockRate);
    const reporter = new module.RtcpSrReporter(config);
    reporter.addToChain(new module.RtcpNackResponder(keptPackets));
    track.setMediaHandler(reporter);
    return track;
  }

  #listen(): void {
    const connection = this.#connection;
    const unlessClosed =
      <T extends unknown[]>(listener: (events: PeerEvents, ...values: T) => void) =>
      (...values: T): void => {
        if (!this.#closed) listener(this.#options.events, ...values);
      };
    connection.onLocalCandidate(
      unlessClosed((events, candidate: string, sdpMid: string) =>
        events.onCandidate({ candidate: candidate.replace(/^a=/, ''), sdpMid }),
      ),
    );
    connection.onStateChange(
      unlessClosed((events, state: string) => {
        if (state === 'disconnected') events.onDisconnected();
        if (state === 'failed' || state === 'closed') events.onClosed();
      }),
    );
    this.#track.onOpen(unlessClosed((events) => events.onConnected()));
    this.#track.onMessage(
      unlessClosed((events, rtcp: Buffer) => {
        if (asksForKeyframe(rtcp)) events.onKeyframeRequest();
      }),
    );
    connection.onDataChannel(
      unlessClosed((_, channel) => {
        channel.onMessage(
          unlessClosed((events, message) => {
            if (typeof message === 'string')
              events.onMessage(message, (text) => {
                sendIfOpen(channel, () => channel.sendMessage(text));
              });
          }),
        );
      }),
    );
  }
}

/** One for each address; libdatachannel, built on libjuice, knows STUN and TURN over UDP. */
function nativeIceServers({ urls, username, credential }: IceServer): RtcConfig['iceServers'] {
  return urls.flatMap((url): RtcConfig['iceServers'] => {
    const [, scheme, hostname, port, transport = 'udp'] =
      /^(stun|turn):([^:?]+)(?::(\d+))?(?:\?transport=(\w+))?$/.exec(url) ?? [];
    if (hostname === undefined || transport !== 'udp') return [];
    if (scheme === 'stun') return [`stun:${hostname}:${port ?? 3478}`];
    const account = { username: username ?? '', password: credential ?? '' };
    return [{ hostname, port: Number(port ?? 3478), ...account, relayType: 'TurnUdp' }];
  });
}
