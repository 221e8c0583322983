import {
  cleanup,
  type DataChannel,
  PeerConnection,
  RtcpReceivingSession,
  type Track,
  Video,
} from 'node-datachannel';
import { until } from '../../testing/until.ts';
import type { IceCandidate } from '../peer/peer-library.ts';

/** What it offers to receive H.264 as. */
export const viewerPayloadType = 102;

export interface ReceivedPacket {
  marker: boolean;
  payloadType: number;
  sequenceNumber: number;
  timestamp: number;
  payload: Buffer;
}

/** A viewer as an app would be: offers to receive video, opens a data channel. */
export class TestViewer {
  readonly packets: ReceivedPacket[] = [];
  readonly texts: string[] = [];
  readonly #connection = new PeerConnection('test viewer', { iceServers: [], bindAddress: '127.0.0.1' });
  readonly #early: IceCandidate[] = [];
  #track: Track | undefined;
  #channel: DataChannel | undefined;
  #answered = false;
  /** Whether the other end has closed the data channel. */
  heardGoodBye = false;
  /** Where its own candidates go. */
  onCandidate: (candidate: IceCandidate) => void = () => {};

  get state(): string {
    return this.#connection.state();
  }

  offer(): Promise<string> {
    const offered = new Promise<string>((resolve) => this.#connection.onLocalDescription(resolve));
    this.#connection.onLocalCandidate((candidate, sdpMid) => this.onCandidate({ candidate, sdpMid }));
    const video = new Video('video', 'RecvOnly');
    video.addH264Codec(viewerPayloadType);
    this.#track = this.#connection.addTrack(video);
    this.#track.setMediaHandler(new RtcpReceivingSession());
    this.#track.onMessage((packet) => this.#onPacket(packet));
    this.#channel = this.#connection.createDataChannel('control');
    this.#channel.onMessage((text) => {
      if (typeof text === 'string') this.texts.push(text);
    });
    this.#channel.onClosed(() => {
      this.heardGoodBye = true;
    });
    this.#connection.setLocalDescription('offer');
    return offered;
  }

  accept(answer: string): void {
    this.#connection.setRemoteDescription(answer, 'answer');
    this.#answered = true;
    for (const candidate of this.#early.splice(0)) this.addCandidate(candidate);
  }

  addCandidate(candidate: IceCandidate): void {
    if (!this.#answered) this.#early.push(candidate);
    else this.#connection.addRemoteCandidate(candidate.candidate, candidate.sdpMid ?? 'video');
  }

  async untilConnected(): Promise<void> {
    await until(() => this.state === 'connected');
  }

  /** Sends a Picture Loss Indication. */
  loseAPicture(): void {
    this.#track?.requestKeyframe();
  }

  async say(text: string): Promise<void> {
    await until(() => this.#channel?.isOpen() === true);
    this.#channel?.sendMessage(text);
  }

  leave(): void {
    this.#connection.close();
  }

  /** Ends the threads of all viewers, which have left. */
  static cleanUp(): void {
    cleanup();
  }

  #onPacket(packet: Buffer): void {
    // RTCP comes by the same way (RFC 5761, section 4).
    const type = packet.readUInt8(1);
    if (type >= 192 && type <= 223) return;
    this.packets.push({
      marker: type >= 128,
      payloadType: type & 0x7f,
      sequenceNumber: packet.readUInt16BE(2),
      timestamp: packet.readUInt32BE(4),
      payload: packet.subarray(12 + 4 * (packet.readUInt8(0) & 0x0f) + extensionBytes(packet)),
    });
  }
}

/** RFC 3550, section 5.3.1; no contributing sources come from our master. */
function extensionBytes(packet: Buffer): number {
  return (packet.readUInt8(0) & 0x10) === 0 ? 0 : 4 + 4 * packet.readUInt16BE(14);
}
